/* The system functions that connect.c calls; net_win.c and net_posix.c implement them.
 *
 * An "answer" is the result of a connect: 0 for connected, RN_E_AGAIN for not known yet, or the
 * system's error. */
#ifndef RN_NET_H
#define RN_NET_H

#include <stdint.h>

#include "rn.h"

typedef int64_t rn__socket;

/* Opens a non-blocking stream socket, which the caller closes. Returns the system's error. */
uint32_t rn__socket_open(uint32_t family, rn__socket *socket_out);
uint32_t rn__socket_bind(rn__socket socket, const rn_target *local);

/* `abortive` 1 ends the connection with a reset, which leaves no TIME_WAIT. */
void rn__socket_close(rn__socket socket, int abortive);

/* Whether the error of an attempt means that the system has no descriptor, buffer or local port
 * left, so that the attempt may work once another socket is closed. */
int rn__socket_is_at_capacity(uint32_t os_error, const rn_target *target);

/* Begins to connect; returns the answer. */
uint32_t rn__socket_connect(rn__socket socket, const rn_target *target);

/* Waits for the connects of up to `capacity` sockets at once. rn__waiter_new returns NULL without
 * memory. */
typedef struct rn__waiter rn__waiter;
rn__waiter *rn__waiter_new(uint32_t capacity);
void rn__waiter_free(rn__waiter *waiter);

/* Waits until a socket has an answer, at most timeout_ns. `count` is at least 1. Returns 0,
 * RN_E_AGAIN after a signal, or the system's error. */
uint32_t rn__waiter_wait(rn__waiter *waiter, const rn__socket *sockets, uint32_t count,
                         uint64_t timeout_ns);

/* The answer that the last wait found for `socket`, which was sockets[index] then. */
uint32_t rn__waiter_answer(const rn__waiter *waiter, uint32_t index, rn__socket socket);

#endif
