/* The events that RasClient, a part of RAS, writes into the log about connections. */
#ifndef RASSIM_RASCLIENT_H
#define RASSIM_RASCLIENT_H

#include "events.h"

#define RASSIM_LOG_DIALLING 20221
#define RASSIM_LOG_LINK_BEGUN 20222
#define RASSIM_LOG_LINK_UP 20223
#define RASSIM_LOG_LINK_ESTABLISHED 20224
#define RASSIM_LOG_CONNECTED 20225
#define RASSIM_LOG_ENDED 20226
#define RASSIM_LOG_FAILED 20227
#define RASSIM_LOG_IDLE 20263
#define RASSIM_LOG_LONGEST_TIME 20264
#define RASSIM_LOG_MOVED 20277
#define RASSIM_LOG_MOVE_FAILED 20278
#define RASSIM_LOG_CAN_MOVE 20281

/* Writes the event. `code` is the reason or the error, for the ids that have one. An event that
 * there is no memory for gets lost. */
void rassim__log_event(uint32_t event_id, const rn_RASCONNW *connection,
                       const rn_RASCONNSTATUSW *status, uint32_t code);

/* Whether RasClient writes an event with this id about a connection. */
bool rassim__is_ras_event(uint32_t event_id);

/* Whether the connection is an IKEv2 tunnel, which can move to another address. */
bool rassim__is_ikev2(const rn_RASCONNW *connection);

void rassim__clear_log_faults(void);

#endif
