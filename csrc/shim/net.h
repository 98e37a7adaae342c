/* The system functions that connect.c calls; net_win.c, net_posix.c, net_linux.c and net_bsd.c
 * implement them.
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

int rn__socket_is_refusal(uint32_t os_error);

/* Begins to connect; returns the answer. */
uint32_t rn__socket_connect(rn__socket socket, const rn_target *target);

/* Waits for the connects of up to `capacity` sockets at once. rn__waiter_new returns NULL without
 * memory. */
typedef struct rn__waiter rn__waiter;
rn__waiter *rn__waiter_new(uint32_t capacity);
void rn__waiter_free(rn__waiter *waiter);

/* Waits for this socket too, whose connect has begun. `slot`, below the capacity, is the caller's
 * number for it; each socket has its own. Returns the system's error. */
uint32_t rn__waiter_add(rn__waiter *waiter, uint32_t slot, rn__socket socket);

/* Stops waiting for a socket that has no answer. Call it before the socket is closed. */
void rn__waiter_remove(rn__waiter *waiter, uint32_t slot, rn__socket socket);

/* Waits until a socket has an answer, at most timeout_ns. Without sockets it only waits. Returns 0,
 * RN_E_AGAIN after a signal, or the system's error. */
uint32_t rn__waiter_wait(rn__waiter *waiter, uint64_t timeout_ns);

/* Takes the next answer that the last wait found; the waiter no longer has its socket. Returns 0 if
 * there is none. Take all answers before the next call of another function. */
int rn__waiter_next(rn__waiter *waiter, uint32_t *slot_out, uint32_t *answer_out);

#endif
