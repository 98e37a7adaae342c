/*
 * The contract of ras_native: the records both backends fill and the functions
 * the compiled one exports. The text between the two "contract" marks is what
 * cffi compiles and what gen_layout.py turns into ctypes structures, so it
 * holds only #define NAME number, typedefs and prototypes.
 *
 * Rules: codes are returned by value, 0 is success, a code other than RN_E_... is
 * the provider's own. Out-parameters come last. Records are naturally aligned,
 * have no implicit padding, hold no pointers; text is UTF-16 code units, ends
 * at its first NUL, and is zero from there on.
 */
#ifndef RN_H
#define RN_H

#include <stdint.h>

/* contract: begin */

/* Codes of the shim itself; Windows keeps bit 29 free for applications. */
#define RN_E_FIRST 0xE0520000
#define RN_E_AGAIN 0xE0520001         /* the slice ended: call again to go on */
#define RN_E_TIMEOUT 0xE0520002       /* the deadline passed */
#define RN_E_CANCELLED 0xE0520003     /* the cancel event was set */
#define RN_E_KEEPS_GROWING 0xE0520004 /* the list outgrew every buffer offered */
#define RN_E_ABSURD 0xE0520005        /* the provider asks for or reports too much */
#define RN_E_UNSUPPORTED 0xE0520006   /* the provider lacks this function */
#define RN_E_NO_MEMORY 0xE0520007
#define RN_E_LOAD 0xE0520008 /* the library could not be loaded */
#define RN_E_OS 0xE0530000   /* a system call failed; plus the system's error number */
#define RN_E_LAST 0xE053FFFF
#define RN_REASON_SIZE 512

#define RN_MAX_CONNECTIONS 16384 /* a list longer than this is RN_E_ABSURD */
#define RN_MAX_ATTEMPTS 16       /* enumerations in one poll of a growing list */

typedef struct {
  uint32_t type; /* 0 unknown, 1 IPv4, 2 IPv6 */
  uint8_t address[16];
} rn_endpoint;

/* What RasEnumConnectionsW says of one connection. */
typedef struct {
  uint64_t handle;
  uint64_t luid;
  uint32_t version; /* WINVER of the RASCONN it was read from: later members are 0 */
  uint32_t subentry;
  uint32_t flags;
  uint32_t reserved; /* 0 */
  uint8_t guid_entry[16];
  uint8_t correlation_id[16];
  uint16_t entry_name[260];
  uint16_t device_type[20];
  uint16_t device_name[132];
  uint16_t phonebook[260];
} rn_connection;

/* What RasGetConnectStatusW says of one handle. */
typedef struct {
  uint32_t code;    /* the function's own answer; all below is 0 unless it is 0 */
  uint32_t version; /* WINVER of the RASCONNSTATUS it was read from */
  uint32_t state;
  uint32_t error;
  uint32_t substate;
  uint32_t reserved; /* 0 */
  rn_endpoint local_endpoint;
  rn_endpoint remote_endpoint;
  uint16_t device_type[20];
  uint16_t device_name[132];
  uint16_t phone_number[132];
} rn_status;

#define RN_UNCHANGED_CONNECTION 1
#define RN_UNCHANGED_STATUS_TEXTS 2

/* One connection of a list. `serial` names it for as long as it is listed. */
typedef struct {
  uint64_t serial;
  uint32_t index;     /* its position in the list */
  uint32_t unchanged; /* RN_UNCHANGED_...: the parts that the caller has seen already */
  rn_connection connection;
  rn_status status;
} rn_record;

/* What changed in a list, as rn_list_collect tells it. */
typedef struct {
  uint64_t generation; /* pass it as `since` next time */
  uint32_t count;      /* connections listed */
  uint32_t changed;    /* records copied */
  uint32_t reordered;  /* 1: connections came, went or moved since */
  uint32_t reserved;
} rn_changes;

typedef struct rn_provider rn_provider; /* a loaded library with rasapi32's ABI */
typedef struct rn_list rn_list;         /* connections, as they were polled last */
typedef struct rn_event rn_event;       /* a manual-reset event */

/* Provider. `path` (UTF-8) NULL: the system's rasapi32. Free with rn_provider_close. Where the
 * library does not load (RN_E_LOAD), the system says why: by its error number, and by a text of at
 * most RN_REASON_SIZE bytes with the NUL (POSIX; elsewhere empty). */
uint32_t rn_provider_open(const char *path, rn_provider **provider_out, uint32_t *os_error_out,
                          char *reason_out);
void rn_provider_close(rn_provider *provider);

/* dwSize values in use, newest first tried; 0 until the first call. */
void rn_provider_sizes(rn_provider *provider, uint32_t *rasconn_out, uint32_t *rasconnstatus_out);

/* Lists. with_status 0: RasEnumConnectionsW only; 1: then RasGetConnectStatusW for each.
 * The provider outlives the list. Free with rn_list_free, when no call of it is under way. */
uint32_t rn_list_new(rn_provider *provider, int with_status, rn_list **list_out);
void rn_list_free(rn_list *list);

/* One poll. Returns the list's generation (> 0, grows with each change) or minus a code. Any
 * number of threads may poll one list: no lock is held while the provider is asked, and a poll
 * that began before one already applied is discarded. */
int64_t rn_list_poll(rn_list *list);

/* Copies the records that changed after generation `since` into records_out. Where
 * changes_out->reordered is 1, copies every serial, in order, into serials_out. Both arrays are the
 * caller's, `capacity` long. If changes_out->count is more than `capacity`, copies nothing: call
 * again with larger arrays. */
void rn_list_collect(rn_list *list, uint64_t since, uint32_t capacity, rn_record *records_out,
                     uint64_t *serials_out, rn_changes *changes_out);

/* Watching. */
#define RN_SIGNAL_PAUSE_NS 1000000 /* the least time between two polls that events cause */
#define RN_LATE_NS 50000000        /* a poll is late after two intervals and this much */
#define RN_SUSPENDED_NS 100000000  /* a shorter sleep of the system is not told from a busy one */
#define RN_MAX_WATCH_EVENTS 8

/* The polls of one list, at fixed moments and when an event is set. */
typedef struct rn_watch rn_watch;

/* A poll that rn_watch_wait returned for. Moments are those of rn_now_ns. */
typedef struct {
  int64_t generation;     /* of the list, or minus a code */
  uint64_t enumerated_ns; /* when its enumeration returned */
  uint64_t previous_ns;   /* ... that of the last poll before it that succeeded */
  uint64_t late_ns;       /* how much later than due it began */
  uint64_t suspended_ns;  /* how long the system slept since the poll before it */
  uint32_t signalled;     /* bit i: the event at index i was set; it was reset before the poll */
  uint32_t reserved;
} rn_look;

/* For any thread, at any time. */
typedef struct {
  uint64_t polls;
  uint64_t wake_ups;      /* how often a wait returned */
  uint64_t busy_since_ns; /* since when the provider has been asked; 0: it is not asked now */
} rn_watch_counts;

/* The list outlives the watch, and nobody else polls it. Free with rn_watch_free. */
uint32_t rn_watch_new(rn_list *list, rn_watch **watch_out);
void rn_watch_free(rn_watch *watch);
void rn_watch_count(rn_watch *watch, rn_watch_counts *counts_out);

/* Waits and polls until a poll is worth telling: it found another generation than `generation`, or
 * failed, or follows one that failed; an event was set; it was late; the system slept; or it is the
 * first at or after `look_ns` (UINT64_MAX: never). Polls are due interval_ns apart; missed ones are
 * skipped. One thread at a time. `event_count` is at most RN_MAX_WATCH_EVENTS. Returns 0,
 * RN_E_CANCELLED once `cancel` is set, or the code of a failed wait. */
uint32_t rn_watch_wait(rn_watch *watch, rn_event *const *events, uint32_t event_count,
                       rn_event *cancel, int64_t generation, uint64_t look_ns, uint64_t interval_ns,
                       rn_look *look_out);

uint32_t rn_get_connect_status(rn_provider *provider, uint64_t handle, rn_status *status_out);

/* Polls every interval_ns until a state of `states` (count long; count 0: RASCS_DONE,
 * RASCS_PAUSED or a non-zero dwError), cancellation (`cancel` may be NULL), or slice_ns passed
 * (RN_E_AGAIN). *due_inout, 0 at first, is when the next poll is due. */
uint32_t rn_wait_status(rn_provider *provider, uint64_t handle, const uint32_t *states,
                        uint32_t count, uint64_t interval_ns, uint64_t slice_ns, rn_event *cancel,
                        uint64_t *due_inout, rn_status *status_out);

uint32_t rn_hang_up(rn_provider *provider, uint64_t handle);

/* Asks RasGetConnectStatusW, yielding, until the handle is gone, or slice_ns passed (RN_E_AGAIN). */
uint32_t rn_wait_gone(rn_provider *provider, uint64_t handle, uint64_t slice_ns);

uint32_t rn_get_subentry_handle(rn_provider *provider, uint64_t handle, uint32_t subentry,
                                uint64_t *handle_out);
uint32_t rn_get_error_string(rn_provider *provider, uint32_t code, uint32_t length,
                             uint16_t *text_out);

/* Events. Free with rn_event_free; `handle` is what wait functions of the system take. */
uint32_t rn_event_new(rn_event **event_out);
void rn_event_free(rn_event *event);
int64_t rn_event_handle(rn_event *event);
uint32_t rn_event_set(rn_event *event);
uint32_t rn_event_reset(rn_event *event);

/* Waits for `event` (0) or `cancel` (RN_E_CANCELLED), either of which may be NULL, up to
 * slice_ns (RN_E_AGAIN; a signal may end it earlier). */
uint32_t rn_event_wait(rn_event *event, rn_event *cancel, uint64_t slice_ns);

/* handle UINT64_MAX: every connection. ansi 1: RasConnectionNotificationA. */
uint32_t rn_connection_notification(rn_provider *provider, uint64_t handle, rn_event *event,
                                    uint32_t flags, int ansi);

uint64_t rn_now_ns(void);

/* connect: begin */
#define RN_MAX_TARGETS 1000000 /* in one batch */
#define RN_MAX_CONCURRENCY 65536

#define RN_CONNECTED 1
#define RN_FAILED 2     /* os_error says why */
#define RN_TIMED_OUT 3  /* the batch's own timeout */
#define RN_NO_ADDRESS 4 /* never attempted: the target's family is 0 */

/* Windows' ioctl SIO_TCP_INITIAL_RTO and its TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS, which not
 * every compiler's headers have. */
#define RN_SIO_TCP_INITIAL_RTO 0x98000011
#define RN_NO_SYN_RETRANSMISSIONS 0xFE

/* One address to connect to. Numbers are in host byte order. */
typedef struct {
  uint32_t family; /* 4, 6; 0: an address that cannot be connected to */
  uint32_t port;
  uint32_t flowinfo;   /* IPv6 only */
  uint32_t scope_id;   /* IPv6 only */
  uint8_t address[16]; /* network byte order; IPv4: the first 4 */
} rn_target;

/* How the connect to one target ended. */
typedef struct {
  uint64_t elapsed_ns; /* from the connect call to its outcome */
  uint32_t status;     /* RN_CONNECTED and so on; 0: no outcome yet */
  uint32_t os_error;   /* the system's own number (errno, WSAGetLastError) */
} rn_outcome;

typedef struct {
  uint64_t timeout_ns;  /* of each attempt */
  uint32_t concurrency; /* at most this many sockets open at once */
  uint32_t abortive;    /* 1: end connections with a reset, which leaves no TIME_WAIT */
  rn_target source;     /* the local address to connect from; family 0: the system chooses */
} rn_batch_options;

typedef struct rn_batch rn_batch; /* connects to many targets, a limited number in flight */

/* Starts Winsock for this process; other systems have nothing to start. Returns the system's
 * error. */
uint32_t rn_net_start(void);

/* Calls WSAConnect, on other systems connect, once on the caller's socket. Returns 0 or the
 * system's error. caller_data, sqos and callee_data may be NULL; only Windows uses them. */
uint32_t rn_wsa_connect(int64_t socket, const uint8_t *name, uint32_t name_length,
                        const uint8_t *caller_data, uint32_t caller_length, const uint8_t *sqos,
                        uint8_t *callee_data, uint32_t *callee_length_inout);

/* Waits for the outcome of a connect that was begun on a non-blocking socket. Returns 0 for
 * connected, RN_E_AGAIN after slice_ns or a signal, else the system's reason for the failure. */
uint32_t rn_connect_wait(int64_t socket, uint64_t slice_ns);

/* targets and outcomes_out are the caller's, `count` long, and outlive the batch. Free with
 * rn_batch_free, which closes every socket still open. */
uint32_t rn_batch_new(const rn_target *targets, uint32_t count, const rn_batch_options *options,
                      rn_outcome *outcomes_out, rn_batch **batch_out);
void rn_batch_free(rn_batch *batch);

/* Returns 0 once every target has its outcome, RN_E_AGAIN after slice_ns or a signal, else the
 * system's error. */
uint32_t rn_batch_run(rn_batch *batch, uint64_t slice_ns);
/* connect: end */

/* contract: end */

#endif
