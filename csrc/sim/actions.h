/* The actions that the controls and the demonstration run, now or later. */
#ifndef RASSIM_ACTIONS_H
#define RASSIM_ACTIONS_H

#include "dialling.h"

/* Each is the `run` of an action on a connection. Returns 0, or a code: 6 if the connection has
 * ended, 87 if it has no such link, 618 if the link is not up. */
uint32_t rassim__run_connect(const rassim_action *action); /* a planned connection */
uint32_t rassim__run_dial(const rassim_action *action);    /* a planned connection */
uint32_t rassim__run_resume(const rassim_action *action);
uint32_t rassim__run_drop(const rassim_action *action);      /* number: the reason */
uint32_t rassim__run_time_out(const rassim_action *action);  /* number: the event that tells it */
uint32_t rassim__run_tell(const rassim_action *action);      /* number: the event; data: the code */
uint32_t rassim__run_drop_link(const rassim_action *action); /* number: the link */
uint32_t rassim__run_connect_link(const rassim_action *action); /* number: the link */
uint32_t rassim__run_set_status(const rassim_action *action);   /* number: members; data: status */
uint32_t rassim__run_rename(const rassim_action *action);       /* data: szEntryName */
uint32_t rassim__run_set_traffic(const rassim_action *action);  /* data: rassim_traffic */
uint32_t rassim__run_add_reference(const rassim_action *action);
uint32_t rassim__run_signal(const rassim_action *action); /* number: flags */

/* The `run` of an action on the service; number: the code that the service answers. */
uint32_t rassim__run_set_service(const rassim_action *action);

#endif
