/*
 * The contract of ras_native: the records that both backends fill, and the
 * functions of the compiled one. cffi compiles the text between the two
 * "contract" marks, and gen_layout.py makes ctypes structures of it, so it holds
 * only #define NAME number, typedefs and prototypes.
 *
 * Functions return a code: 0 is success, RN_E_... is the shim's own, any other is
 * the provider's. Out-parameters come last. Records are naturally aligned,
 * without implicit padding or pointers. Text is UTF-16 code units, ends at its
 * first NUL, and is zero after it.
 */
#ifndef RN_H
#define RN_H

#include <stdint.h>

/* contract: begin */

/* Codes of the shim itself; Windows reserves bit 29 for applications. */
#define RN_E_FIRST 0xE0520000
#define RN_E_AGAIN 0xE0520001         /* the slice ended: call again to continue */
#define RN_E_TIMEOUT 0xE0520002       /* the deadline passed */
#define RN_E_CANCELLED 0xE0520003     /* the cancel event was set */
#define RN_E_KEEPS_GROWING 0xE0520004 /* the list outgrew every buffer offered */
#define RN_E_ABSURD 0xE0520005        /* the provider asks for or reports too much */
#define RN_E_UNSUPPORTED 0xE0520006   /* the provider lacks this function */
#define RN_E_NO_MEMORY 0xE0520007
#define RN_E_LOAD 0xE0520008 /* the library could not be loaded */
#define RN_E_OS 0xE0530000   /* a system call failed: this plus the system's error number */
#define RN_E_LAST 0xE053FFFF
#define RN_REASON_SIZE 512

#define RN_MAX_CONNECTIONS 16384 /* a list longer than this is RN_E_ABSURD */
#define RN_MAX_ATTEMPTS 16       /* enumerations in one poll of a growing list */
#define RN_FIRST_CAPACITY 8      /* connections that fit before the first growth */

typedef struct {
  uint32_t type; /* 0 unknown, 1 IPv4, 2 IPv6 */
  uint8_t address[16];
} rn_endpoint;

/* What RasEnumConnectionsW reports about one connection. */
typedef struct {
  uint64_t handle;
  uint64_t luid;
  uint32_t version; /* WINVER of the RASCONN it was read from; newer members are 0 */
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

/* What RasGetConnectStatusW reports about one handle. */
typedef struct {
  uint32_t code;    /* the function's result; unless it is 0, all other members are 0 */
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

/* What RasGetConnectionStatistics or RasGetLinkStatistics reports: one RAS_STATS. */
typedef struct {
  uint64_t handle;
  uint32_t code; /* the function's result; unless it is 0, all members below are 0 */
  uint32_t bytes_sent;
  uint32_t bytes_received;
  uint32_t frames_sent;
  uint32_t frames_received;
  uint32_t crc_errors;
  uint32_t timeout_errors;
  uint32_t alignment_errors;
  uint32_t hardware_overruns;
  uint32_t framing_errors;
  uint32_t buffer_overruns;
  uint32_t compression_in;
  uint32_t compression_out;
  uint32_t bps;
  uint32_t duration_ms;
  uint32_t reserved; /* 0 */
} rn_statistics;

#define RN_MAX_SERVER_ADDRESSES 16 /* of each family; more are not copied */

/* What RasGetProjectionInfoEx reports about one handle. Addresses are in network byte order. The
 * members of the other kind of projection are 0; unless the type is known, all of them are. */
typedef struct {
  uint32_t type; /* RASPROJECTION_INFO_TYPE */
  uint32_t ipv4_error;
  uint8_t ipv4_address[4];
  uint8_t ipv4_server[4];
  uint32_t ipv6_error;
  uint32_t authentication;
  uint32_t eap_type;
  /* IKEv2 */
  uint8_t ipv6_address[16];
  uint8_t ipv6_server[16];
  uint32_t prefix_length;
  uint32_t flags;
  uint32_t encryption;
  uint32_t ipv4_server_count; /* of ipv4_servers and ipv6_servers: the used items */
  uint32_t ipv6_server_count;
  uint8_t ipv4_servers[64];  /* 4 bytes each */
  uint8_t ipv6_servers[256]; /* 16 bytes each */
  /* PPP */
  uint8_t interface_id[8];
  uint8_t server_interface_id[8];
  uint32_t bundled;
  uint32_t multilink;
  uint32_t authentication_data;
  uint32_t server_authentication;
  uint32_t server_authentication_data;
  uint32_t server_eap_type;
  uint32_t link_options;
  uint32_t server_link_options;
  uint32_t compression_error;
  uint32_t compression;
  uint32_t server_compression;
  uint32_t compression_options;
  uint32_t server_compression_options;
} rn_projection;

#define RN_LONGEST_FRAME 2048 /* no frame of a RAS connection has more bytes [I] */

/* The traffic of one connection, summed up from samples of its statistics. Moments are on the clock
 * of rn_now_ns; 0: there is none. */
typedef struct {
  uint64_t handle;
  uint8_t guid_entry[16];
  uint8_t correlation_id[16];
  uint64_t sampled_ns;  /* when the last sample was taken */
  uint64_t previous_ns; /* when the sample before it was taken */
  uint64_t bytes_sent;
  uint64_t bytes_received;
  uint64_t frames_sent;
  uint64_t frames_received;
  uint64_t crc_errors;
  uint64_t timeout_errors;
  uint64_t alignment_errors;
  uint64_t hardware_overruns;
  uint64_t framing_errors;
  uint64_t buffer_overruns;
  uint64_t duration_ms;
  uint64_t new_sent;         /* bytes sent between these two samples */
  uint64_t new_received;     /* bytes received between these two samples */
  uint64_t unanswered_ns;    /* the first sample that showed bytes sent, and none received since */
  uint64_t unanswered_bytes; /* bytes sent since the last byte was received */
  uint32_t clears;           /* how often another program set the counters to 0 */
  uint32_t is_uncertain;     /* 1: a counter may have wrapped more often than was counted */
  uint32_t is_up;            /* 1: connected, neither dormant nor reconnecting */
  uint32_t is_silent;        /* 1: nothing was received for the limit while something was sent */
  rn_statistics last;        /* of the last sample */
  uint32_t code;             /* of the last call; unless it is 0, that call gave no sample */
  uint32_t reserved;         /* 0 */
} rn_traffic;

/* Adds the result of a call to the traffic of the same connection. A new connection's traffic is
 * all 0, except handle, GUIDs and is_up, which the caller sets. */
void rn_traffic_add(rn_traffic *traffic_inout, const rn_statistics *statistics, uint64_t now_ns,
                    uint64_t silent_after_ns);

#define RN_UNCHANGED_CONNECTION 1
#define RN_UNCHANGED_STATUS_TEXTS 2

/* One connection of a list. `serial` identifies it while it is listed. */
typedef struct {
  uint64_t serial;
  uint32_t index;     /* its position in the list */
  uint32_t unchanged; /* RN_UNCHANGED_...: the parts that the caller has seen already */
  rn_connection connection;
  rn_status status;
} rn_record;

/* What rn_list_collect found changed. */
typedef struct {
  uint64_t generation; /* pass it as `since` next time */
  uint32_t count;      /* connections listed */
  uint32_t changed;    /* records copied */
  uint32_t reordered;  /* 1: the list has other connections, or another order */
  uint32_t reserved;
} rn_changes;

typedef struct rn_provider rn_provider; /* a loaded library with rasapi32's ABI */
typedef struct rn_list rn_list;         /* the connections that the last poll read */
typedef struct rn_event rn_event;       /* a manual-reset event */

/* Loads a provider. `path` is UTF-8; NULL is the system's rasapi32. Free with rn_provider_close. If
 * the library does not load (RN_E_LOAD), *os_error_out is the system's error number. reason_out has
 * RN_REASON_SIZE bytes: POSIX writes a text there, Windows an empty one. */
uint32_t rn_provider_open(const char *path, rn_provider **provider_out, uint32_t *os_error_out,
                          char *reason_out);
void rn_provider_close(rn_provider *provider);

/* The dwSize values that negotiation found, from newest to oldest; 0 until the first call. */
void rn_provider_sizes(rn_provider *provider, uint32_t *rasconn_out, uint32_t *rasconnstatus_out);

/* Makes a list. Its polls call RasEnumConnectionsW, and with with_status 1 also
 * RasGetConnectStatusW for each connection. The provider must outlive the list. Free with
 * rn_list_free once no call uses the list. */
uint32_t rn_list_new(rn_provider *provider, int with_status, rn_list **list_out);
void rn_list_free(rn_list *list);

/* Polls once. Returns the list's generation (> 0, grows with each change) or minus a code. Any
 * number of threads may poll one list. No lock is held while the provider runs. A poll that began
 * before one already applied is discarded. */
int64_t rn_list_poll(rn_list *list);

/* Copies the records that changed after generation `since` into records_out. If
 * changes_out->reordered is 1, copies every serial, in order, into serials_out. The caller owns
 * both arrays; each holds `capacity` items. If changes_out->count is more than `capacity`, copies
 * nothing: call again with larger arrays. */
void rn_list_collect(rn_list *list, uint64_t since, uint32_t capacity, rn_record *records_out,
                     uint64_t *serials_out, rn_changes *changes_out);

/* Polls once, and calls RasGetConnectionStatistics for each connection of this poll. Returns what
 * rn_list_poll returns. *count_out: the connections of this poll. statistics_out, owned by the
 * caller, holds `capacity` items, in the order of the list. If more are listed, asks none: call
 * again with a larger array. Returns minus RN_E_UNSUPPORTED if something is listed and the provider
 * has no statistics. */
int64_t rn_list_statistics(rn_list *list, uint32_t capacity, rn_statistics *statistics_out,
                           uint32_t *count_out);

/* Watching. */
#define RN_SIGNAL_PAUSE_NS 1000000 /* the least time between two polls that events cause */
#define RN_LATE_NS 50000000       /* a poll is late when it begins late by two intervals and this */
#define RN_SUSPENDED_NS 100000000 /* shorter sleeps are ignored: a busy system looks the same */
#define RN_MAX_WATCH_EVENTS 8

/* The polls of one list, at fixed moments and when an event is set. */
typedef struct rn_watch rn_watch;

/* A poll that made rn_watch_wait return. Moments are on the clock of rn_now_ns. */
typedef struct {
  int64_t generation;     /* of the list, or minus a code */
  uint64_t enumerated_ns; /* when its enumeration returned */
  uint64_t previous_ns;   /* when the enumeration of the last successful poll before it returned */
  uint64_t late_ns;       /* how long after it was due it began */
  uint64_t suspended_ns;  /* how long the system slept since the poll before it */
  uint32_t signalled;     /* bit i: the event at index i was set; it was reset before the poll */
  uint32_t silence_changed; /* 1: a connection fell silent, or is silent no longer */
} rn_look;

/* What rn_watch_count reports; any thread may call it at any time. */
typedef struct {
  uint64_t polls;
  uint64_t wake_ups;      /* how often a wait returned */
  uint64_t busy_since_ns; /* when the current poll began; 0: no poll runs */
} rn_watch_counts;

#define RN_BUCKETS 12            /* the last one has no upper bound */
#define RN_FIRST_BUCKET_NS 16000 /* the upper bound of the first bucket, inclusive */
#define RN_BUCKET_FACTOR 4       /* each bound is this many times the one before */

/* How many durations are in each bucket, and the sum of all durations. */
typedef struct {
  uint64_t counts[RN_BUCKETS];
  uint64_t sum_ns;
} rn_histogram;

/* What rn_watch_durations reports, since the watch was made. */
typedef struct {
  rn_histogram polls;
  rn_histogram enumerations; /* the calls of RasEnumConnectionsW in one poll */
  rn_histogram statuses;     /* all calls of RasGetConnectStatusW in one successful poll */
  rn_histogram statistics;   /* all calls of RasGetConnectionStatistics for one sample */
  uint64_t polled_ns;        /* when the last successful enumeration returned; 0: never */
} rn_durations;

/* Makes a watch. The list must outlive it, and nobody else may poll the list. Free with
 * rn_watch_free. */
uint32_t rn_watch_new(rn_list *list, rn_watch **watch_out);
void rn_watch_free(rn_watch *watch);
void rn_watch_count(rn_watch *watch, rn_watch_counts *counts_out);

/* Copies the durations; any thread may call it at any time. */
void rn_watch_durations(rn_watch *watch, rn_durations *durations_out);

/* Makes the waits of a new watch sample the statistics of each connection, every interval_ns from
 * the first poll on. Returns 0 or RN_E_NO_MEMORY. */
uint32_t rn_watch_sample(rn_watch *watch, uint64_t interval_ns, uint64_t silent_after_ns);

/* Copies the traffic of the connections that the last sample knew; any thread may call it at any
 * time. Returns how many there are; if more than `capacity`, copies none. The caller owns
 * traffic_out. */
uint32_t rn_watch_traffic(rn_watch *watch, uint32_t capacity, rn_traffic *traffic_out);

/* Waits and polls, and returns at the first poll that must be reported. Such a poll found another
 * generation than `generation`, failed or followed a failure; or an event was set, it was late, or
 * the system slept; or a sample before it changed a silence; or it is the first at or after
 * `look_ns` (UINT64_MAX: never). Polls are due interval_ns apart; missed polls are skipped. Only
 * one thread may wait. `event_count` is at most RN_MAX_WATCH_EVENTS. Returns 0, RN_E_CANCELLED once
 * `cancel` is set, or the code of a failed wait. */
uint32_t rn_watch_wait(rn_watch *watch, rn_event *const *events, uint32_t event_count,
                       rn_event *cancel, int64_t generation, uint64_t look_ns, uint64_t interval_ns,
                       rn_look *look_out);

uint32_t rn_get_connect_status(rn_provider *provider, uint64_t handle, rn_status *status_out);

/* Polls the status every interval_ns until its state is one of the `count` items of `states`. With
 * count 0 it waits for RASCS_DONE, RASCS_PAUSED or a non-zero dwError. Returns RN_E_AGAIN after
 * slice_ns, or RN_E_CANCELLED once `cancel` is set; `cancel` may be NULL. *due_inout is when the
 * next poll is due; pass 0 first. */
uint32_t rn_wait_status(rn_provider *provider, uint64_t handle, const uint32_t *states,
                        uint32_t count, uint64_t interval_ns, uint64_t slice_ns, rn_event *cancel,
                        uint64_t *due_inout, rn_status *status_out);

uint32_t rn_hang_up(rn_provider *provider, uint64_t handle);

#define RN_YIELDS_BEFORE_SLEEP 64
#define RN_GONE_INTERVAL_NS 1000000

/* Calls RasGetConnectStatusW until the handle is invalid. Returns RN_E_AGAIN after slice_ns. Yields
 * after each of the first RN_YIELDS_BEFORE_SLEEP calls, later sleeps for RN_GONE_INTERVAL_NS. */
uint32_t rn_wait_gone(rn_provider *provider, uint64_t handle, uint64_t slice_ns);

#define RN_PROJECTION_SIZE 4096  /* a projection larger than this is RN_E_ABSURD */
#define RN_PROJECTION_READINGS 4 /* readings of one projection while the status changes */

/* Reads the projection, and the status before and after it. If the status changed meanwhile, reads
 * everything again, up to RN_PROJECTION_READINGS readings in all. Returns 0, the code of
 * RasGetProjectionInfoEx or the code of the later status; unless it is 0, *projection_out is all 0.
 */
uint32_t rn_get_projection_info(rn_provider *provider, uint64_t handle,
                                rn_projection *projection_out);

uint32_t rn_get_subentry_handle(rn_provider *provider, uint64_t handle, uint32_t subentry,
                                uint64_t *handle_out);
/* Calls RasGetConnectionStatistics; with a `subentry` that is not 0, RasGetLinkStatistics. */
uint32_t rn_get_statistics(rn_provider *provider, uint64_t handle, uint32_t subentry,
                           rn_statistics *statistics_out);
uint32_t rn_clear_connection_statistics(rn_provider *provider, uint64_t handle);

uint32_t rn_get_error_string(rn_provider *provider, uint32_t code, uint32_t length,
                             uint16_t *text_out);

/* Events. Free with rn_event_free. The wait functions of the system take rn_event_handle; a library
 * that sets the event takes rn_event_for_provider. */
uint32_t rn_event_new(rn_event **event_out);
void rn_event_free(rn_event *event);
int64_t rn_event_handle(rn_event *event);
int64_t rn_event_for_provider(rn_event *event);
uint32_t rn_event_set(rn_event *event);
uint32_t rn_event_reset(rn_event *event);

/* Waits at most slice_ns. Returns 0 once `event` is set, RN_E_CANCELLED once `cancel` is set, or
 * RN_E_AGAIN after slice_ns or a signal. Each event may be NULL. */
uint32_t rn_event_wait(rn_event *event, rn_event *cancel, uint64_t slice_ns);

/* Registers `event`. `handle` UINT64_MAX is every connection; `ansi` 1 calls
 * RasConnectionNotificationA. */
uint32_t rn_connection_notification(rn_provider *provider, uint64_t handle, rn_event *event,
                                    uint32_t flags, int ansi);

uint64_t rn_now_ns(void);

/* connect: begin */
#define RN_MAX_TARGETS 1000000 /* of connect_many */
#define RN_MAX_CONCURRENCY 65536
#define RN_MAX_WANTED 65536

#define RN_CONNECTED 1
#define RN_FAILED 2     /* os_error says why */
#define RN_TIMED_OUT 3  /* the batch's own timeout */
#define RN_NO_ADDRESS 4 /* never attempted: the target's family is 0 */

/* Windows' ioctl SIO_TCP_INITIAL_RTO, and values of its TCP_INITIAL_RTO_PARAMETERS. Some compilers'
 * headers lack them. */
#define RN_SIO_TCP_INITIAL_RTO 0x98000011
#define RN_UNSPECIFIED_RTT 0xFFFF
#define RN_NO_SYN_RETRANSMISSIONS 0xFE

#define RN_MAX_SYN_RETRIES 127
#define RN_SYN_RETRIES_UNSET 0xFFFFFFFF /* as many as the system chooses */

/* A refused connect begins again after this pause, unless its answer took so long that the system
 * must have repeated it. */
#define RN_REPEAT_PAUSE_NS 5000000
#define RN_SLOW_REFUSAL_NS 400000000

/* With options.interval_ns, late connects are caught up, but at most RN_CATCH_UP_NS of them. */
#define RN_CATCH_UP_NS 20000000

/* One address to connect to. Numbers are in host byte order. */
typedef struct {
  uint32_t family; /* 4, 6; 0: the address cannot be connected to */
  uint32_t port;
  uint32_t flowinfo;   /* IPv6 only */
  uint32_t scope_id;   /* IPv6 only */
  uint8_t address[16]; /* network byte order; IPv4: the first 4 */
} rn_target;

/* How the connect to one target ended. */
typedef struct {
  uint64_t elapsed_ns; /* from the first connect call to the outcome */
  uint64_t number;     /* the target's: the first that this batch began is 0 */
  uint32_t status;     /* RN_CONNECTED and so on */
  uint32_t os_error;   /* the system's own number (errno, WSAGetLastError) */
} rn_outcome;

typedef struct {
  uint64_t timeout_ns;           /* for each target */
  uint64_t interval_ns;          /* begin connects at least this far apart; 0: at once */
  uint32_t concurrency;          /* at most this many sockets open at once */
  uint32_t wanted;               /* rn_batch_run returns when it has this many outcomes */
  uint32_t abortive;             /* 1: end connections with a reset, which leaves no TIME_WAIT */
  uint32_t syn_retries;          /* up to RN_MAX_SYN_RETRIES, or RN_SYN_RETRIES_UNSET */
  uint32_t loopback_syn_retries; /* the same for a target on loopback */
  uint32_t loopback_repeats;     /* how often a connect that loopback refused begins again */
  rn_target source;              /* the local address to connect from; family 0: any */
} rn_batch_options;

typedef struct {
  uint32_t begun; /* targets, from the first on, whose connect has begun or needs none */
  uint32_t ended; /* outcomes written */
} rn_batch_progress;

typedef struct rn_batch rn_batch; /* connects to many targets, a limited number in flight */

/* Starts Winsock for this process; other systems have nothing to start. Returns the system's
 * error. */
uint32_t rn_net_start(void);

/* Calls WSAConnect, on other systems connect, once on the caller's socket. Returns 0 or the
 * system's error. caller_data, sqos and callee_data may be NULL; only Windows uses them. */
uint32_t rn_wsa_connect(int64_t socket, const uint8_t *name, uint32_t name_length,
                        const uint8_t *caller_data, uint32_t caller_length, const uint8_t *sqos,
                        uint8_t *callee_data, uint32_t *callee_length_inout);

/* Waits for the outcome of a connect that began on a non-blocking socket. Returns 0 for connected,
 * RN_E_AGAIN after slice_ns or a signal, or the system's error. */
uint32_t rn_connect_wait(int64_t socket, uint64_t slice_ns);

/* Sets how often TCP repeats the socket's SYN. Systems that cannot do this ignore it: Windows
 * before 10.0.16299, macOS. Linux repeats it at least once. */
void rn_set_syn_retries(int64_t socket, uint32_t retries);

/* Makes a batch without targets. Free with rn_batch_free, which closes every open socket. */
uint32_t rn_batch_new(const rn_batch_options *options, rn_batch **batch_out);
void rn_batch_free(rn_batch *batch);

/* Begins connects to the `count` targets, in order, and collects outcomes. The caller owns both
 * arrays; outcomes_out has options.concurrency + options.wanted items. The next call gets the
 * targets that have not begun. Returns 0 once it has options.wanted outcomes or every attempt has
 * ended; with `more` 1 also once every target has begun, because the caller has more. Returns
 * RN_E_AGAIN after slice_ns or a signal, or the system's error. *progress_out is always set. */
uint32_t rn_batch_run(rn_batch *batch, const rn_target *targets, uint32_t count, int more,
                      uint64_t slice_ns, rn_outcome *outcomes_out, rn_batch_progress *progress_out);
/* connect: end */

/* contract: end */

#endif
