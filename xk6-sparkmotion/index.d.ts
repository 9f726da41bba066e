/**
 * k6/x/sparkmotion: the steps of a SparkMotion load test, each with its metrics.
 *
 * Every function works without arguments, from settings in the environment or `-e`; an options object overrides them.
 * A missing setting, an unknown option or a value of the wrong type throws an Error that names it. Functions that send
 * requests, or pick bands sequentially or with a seed, need a VU and throw in the init context. TEST_PASSWORD, CRON_SECRET,
 * UPSTASH_REDIS_REST_TOKEN and REDIS_URL are also read from k6's secret source (`--secret-source`), under these names.
 */
declare module 'k6/x/sparkmotion' {
  /** k6's own form: `"1m30s"`, or milliseconds. */
  export type Duration = string | number;

  export interface Options {
    /** How long one request may take. Default 60s. */
    timeout?: Duration;
  }

  // ── admin ───────────────────────────────────────────────────────────────────────────────────────────────────────

  export interface LoginOptions extends Options {
    /** The admin application's origin. Default ADMIN_URL. */
    url?: string;
    /** Default TEST_EMAIL, else loadtest@sparkmotion.net. */
    email?: string;
    /** Default TEST_PASSWORD. */
    password?: string;
    /** The ID of the credentials provider, as `/api/auth/providers` lists it. Default `credentials`. */
    provider?: string;
    /** More fields of the provider's form, such as `{ totp: '123456' }`; `email: null` or `password: null` leaves that field out. */
    fields?: Record<string, string | null>;
    /**
     * Log in again when a query or a batch is answered 401, or `applySession()` gets an expired session. The VUs of a process share the
     * new session; if that login fails, each VU tries once. Default false.
     */
    renew?: boolean;
  }

  /** A session cookie as the login set it, with the attributes that `http.CookieJar`'s `set()` takes. */
  export interface SessionCookie {
    name: string;
    /** A secret. */
    value: string;
    /** Empty: only the application's host. */
    domain: string;
    path: string;
    /** ISO 8601; empty if the cookie has none. */
    expires: string;
    secure: boolean;
  }

  /** A login. A plain object: it can be returned from `setup()`. */
  export interface Session {
    /** The application's origin. */
    url: string;
    /** The value of a Cookie header: the session cookie with all its chunks. A secret. */
    cookie: string;
    /** The same cookies, each as the login set it. Secrets. */
    cookies: SessionCookie[];
    /** The session cookie's name, e.g. `admin-auth.session-token`. */
    name: string;
    /** As `/api/auth/session` returns it. */
    user: Record<string, unknown>;
    /** ISO 8601. */
    expires: string;
    /** Set when `renew` was requested. */
    renew?: true;
  }

  /**
   * Logs in with NextAuth's credentials flow, v4 or v5, under any cookie prefix. Throws with the reason when it fails:
   * wrong credentials, an unknown provider, a refused CSRF token, no NextAuth at the URL, a limit on logins, no answer.
   */
  export function login(options?: LoginOptions): Session;

  /**
   * Puts a session into a cookie jar of `k6/http`, by default the VU's, with all its chunks. Requests to the application then use that session.
   * Call it first in an iteration, because k6 empties a VU's jar before each one. It applies the newest session; an expired one is renewed
   * first, with `renew`, or throws.
   */
  export function applySession(session: Session, jar?: import('k6/http').CookieJar): void;

  export interface QueryOptions extends Options {
    /** The admin application's origin. Default ADMIN_URL. */
    url?: string;
    /**
     * The server's transformer, `"superjson"` or `"none"`. Default TRPC_TRANSFORMER, else detected from the server's answers, once per
     * process. With superjson, dates, undefined, BigInt, NaN, infinities and -0 work in both directions. A Map, Set, URL, RegExp or Error
     * throws in an input, and stays JSON in an answer.
     */
    transformer?: 'superjson' | 'none' | '';
    /** `"none"` checks the answer and returns null instead of its data, for exports with many rows. Default `"json"`. */
    responseType?: 'json' | 'none';
  }

  /** What a failed query throws; also an entry of `batch()`'s result. */
  export interface QueryError extends Error {
    /** tRPC's code, e.g. UNAUTHORIZED; missing when the answer was not a tRPC error. */
    code?: string;
    /** The HTTP status; 0 when there was no answer. */
    status?: number;
    procedure?: string;
  }

  /**
   * Makes one tRPC query and returns its data. An accepted query emits `analytics_latency`, or `csv_export_latency` for a procedure whose
   * name starts with `export` and that returned rows, with the tag `procedure`. Every query emits `error_rate` with the tag `part: admin`.
   */
  export function query<T = unknown>(
    session: Session | null, procedure: string, input?: unknown, options?: QueryOptions): T;

  /** Makes one tRPC mutation, by POST. It counts like a query. */
  export function mutate<T = unknown>(
    session: Session | null, procedure: string, input?: unknown, options?: QueryOptions): T;

  /** Makes several queries in one request. Returns an array of their data, with a QueryError for each that failed. */
  export function batch(
    session: Session | null, queries: [procedure: string, input?: unknown][], options?: QueryOptions): unknown[];

  // ── taps ────────────────────────────────────────────────────────────────────────────────────────────────────────

  export interface BandOptions {
    /** Default LOADTEST-E1-, LOADTEST-E2-, LOADTEST-E3-. */
    prefixes?: string[];
    /** Bands under each prefix, numbered from 000001. Default LOADTEST_BANDS, else 200000. */
    count?: number;
    /**
     * `uniform` (default): each with the same probability. `zipf`: a few of them often. `sequential`: each once, over all VUs
     * and execution segments, before the pool starts over.
     */
    distribution?: 'uniform' | 'zipf' | 'sequential';
    /** A whole number other than 0: every run picks the same bands, in a different series for each VU. */
    seed?: number;
  }

  /** Picks a band of the pool, e.g. `LOADTEST-E2-004711`. */
  export function bandID(options?: BandOptions): string;

  export interface TapOptions extends Options {
    /** The Worker's origin, without query or fragment. Default WORKER_URL. */
    url?: string;
    /** The origin of direct links. Default DIRECT_URL. */
    directURL?: string;
    /** The ID of the organization in direct links. Default LOADTEST_ORG_ID. */
    orgID?: string;
    /** The events of direct links, one for each of LOADTEST-E1-, -E2- and -E3-. Default LOADTEST_EVENT_IDS, separated by commas. */
    eventIDs?: string[];
    /**
     * `subdomain` (default): `https://<orgSlug>.<domain>/e?bandId=ID`. `direct`: `/e?eventId=E&orgId=O&bandId=ID` at directURL. It is the tag
     * `form` of a tap's samples.
     */
    form?: 'subdomain' | 'direct';
    /** Default: `bandID()`. */
    band?: string;
    /** The share of taps with UTM parameters, 0 to 1. Default 0.5. */
    utm?: number;
    /** The host of the event's page, or a URL there. Default PAGE_HOST, else compassion.com. */
    pageHost?: string;
    /** The hosts that a failing system redirects to, which is an error. Default FALLBACK_HOST, separated by commas, else sparkmotion.io and sparkmotion.net. */
    fallbackHost?: string[];
    /** The path, for other redirect services. Default `/e`. */
    path?: string;
    /** The parameter that carries the band. Default `bandId`. */
    param?: string;
    /** The expected status of a redirect, 300 to 399. Default 302. */
    status?: number;
    /** More query parameters for each tap. */
    query?: Record<string, string>;
    /** More header fields for each tap. */
    headers?: Record<string, string>;
    /** A Cookie header. */
    cookie?: string;
    /**
     * `http/1.1` (default): the fast lane, on kept connections. `h2`: the VU's own transport, which speaks HTTP/2 if the
     * server does. A proxy in the environment and `--http-debug` use that transport as well.
     */
    protocol?: 'http/1.1' | 'h2';
    /**
     * `kept` (default): about as many connections as taps in flight, shared by the VUs of a process unless `--local-ips` or
     * `noVUConnectionReuse` is set. `new`: one for each tap, with a full TLS handshake, as a new phone makes. `resumed`: one for each tap,
     * which resumes an earlier TLS session. `new` and `resumed` need `protocol: 'http/1.1'`. Default
     * CONNECTIONS, else kept.
     */
    connection?: 'kept' | 'new' | 'resumed';
    /** How `taps(n)` arrive: evenly spaced (`even`), or at random, n per iteration on average (`poisson`). Default ARRIVALS, else even. */
    arrivals?: 'even' | 'poisson';
    /** The same seed draws the same random arrivals in every run, in a different series for each VU. Default SEED, else random. */
    seed?: number;
    /**
     * Which of k6's http_req_* metrics it emits besides http_reqs. k6 keeps every value of a Trend in memory, and seven of these are Trends.
     * It needs `protocol: 'http/1.1'`. Default PARTS, separated by commas, else all.
     */
    parts?: ('http_req_duration' | 'http_req_blocked' | 'http_req_connecting' | 'http_req_tls_handshaking' | 'http_req_sending' | 'http_req_waiting' | 'http_req_receiving' | 'http_req_failed')[];
    /** Lets `audit()` look for the tap. Each such tap needs its own band, and carries the audit's User-Agent. Default false. */
    audit?: boolean;
    /** Returns the URL that the tap led to, with its UTM parameters, instead of true, and null instead of false. Not for `taps()`. Default false. */
    location?: boolean;
    /** How long a tap may take. Default 10s: nobody waits longer with a phone in hand. */
    timeout?: Duration;
  }

  /**
   * Makes one tap: opens a band's link and does not follow the redirect. Returns true when it leads to a page; a redirect to a fallback is
   * an error. It doesn't throw for anything the Worker answers; the first failure of each kind in a process is logged. Emits
   * `redirect_latency`, `error_rate` with the tag `part: worker`, `kv_hit_rate` for redirects whose answer shows where they come from (the
   * Worker's KV or the Hub), `connect_latency` for a new connection, three checks, and k6's http_req_*, with the tag `form`, and `plateau`
   * in a ramping-arrival-rate scenario. Also emits the generator's own health: `generator_lag`, `generator_limited` and `generator_memory`.
   */
  export function tap(options: TapOptions & { location: true }): string | null;
  export function tap(options?: TapOptions): boolean;

  /**
   * Makes n taps (1 to 1000) in one iteration, and returns how many were redirected. In an arrival-rate scenario they are spread
   * over the time that the iteration stands for, 1/rate. Each is sent when it is due, without waiting for earlier ones, and its
   * `redirect_latency` starts then. In other scenarios they are sent one after another.
   */
  export function taps(n: number, options?: TapOptions): number;

  export interface SearchOptions extends Options {
    /** Taps/s to begin with. Default 100. */
    start?: number;
    /** Taps/s never to exceed. Default 50000. */
    most?: number;
    /** How long a probe's load settles before it is judged. Default 2s. */
    settle?: Duration;
    /** How long a probe is judged: half as long while the rate doubles, but never shorter than 120 taps take. Default 6s. */
    hold?: Duration;
    /** How long the answer is held. Default 2m. */
    confirm?: Duration;
    /** How long the whole search may take, including the confirmation. Default 6m. */
    time?: Duration;
  }

  export interface Capacity {
    /** The answer, in taps/s; null when none was confirmed. */
    rate: number | null;
    /** The highest rate that held; null if none did. */
    low: number | null;
    /** The lowest rate above it that did not hold; null if all held. */
    high: number | null;
  }

  /**
   * Finds the highest rate at which every limit holds: doubles the rate until one breaks, goes back, bisects, and holds the answer to confirm
   * it. `probeTaps()` makes the taps. Call it once, in a scenario with one virtual user and one iteration; it returns when it is done or
   * time is up. The limits are those of `thresholds()`, or the defaults; `report()` shows the probes as plateaus. Emits `capacity` when there
   * is an answer. Stops a run that several processes share by execution segments.
   */
  export function findCapacity(options?: SearchOptions): Capacity;

  /**
   * Makes the taps that `findCapacity()` asks for in the time that an iteration of an arrival-rate scenario stands for, and returns how
   * many were redirected. Each is sent when it is due, and its `redirect_latency` starts then. Makes none before and after the search.
   */
  export function probeTaps(options?: TapOptions): number;

  // ── queue ───────────────────────────────────────────────────────────────────────────────────────────────────────

  export interface FlushOptions extends Options {
    /** The Hub's origin. Default HUB_URL. */
    url?: string;
    /** Default CRON_SECRET. */
    secret?: string;
  }

  export interface Flushed {
    success: boolean;
    /** Taps moved to the database. */
    flushed: number;
    /** Taps whose band is not in the database: they are lost. */
    dropped: number;
    batches: number;
    /** Batches that failed and went back on the queue; a batch counts each time it fails. */
    failedBatches: number;
    /** Taps still queued. */
    remaining: number;
    durationMs: number;
  }

  /** Triggers the cron that flushes taps. Emits `cron_flushed`, `cron_dropped`, `cron_drop_rate`, `cron_errors`, `queue_depth`; throws when it fails. */
  export function flushTaps(options?: FlushOptions): Flushed;

  export interface QueueOptions extends Options {
    /** Default UPSTASH_REDIS_REST_URL. */
    url?: string;
    /** Default UPSTASH_REDIS_REST_TOKEN. */
    token?: string;
    /** `redis://` or `rediss://`; takes precedence over the REST API. Default REDIS_URL. */
    redisURL?: string;
    /** Default tap-log:pending. */
    key?: string;
  }

  /**
   * Returns how many taps wait in the queue. It also reads the system's own counters, for the report. Returns null, and logs that once per
   * run, when neither Upstash nor Redis is configured. Emits `queue_depth`, and `error_rate` with the tag `part: upstash`; throws when the
   * queue can't be read.
   */
  export function queueDepth(options?: QueueOptions): number | null;

  export interface ReconcileOptions extends Options {
    /** Default UPSTASH_REDIS_REST_URL. */
    url?: string;
    /** Default UPSTASH_REDIS_REST_TOKEN. */
    token?: string;
    /** `redis://` or `rediss://`; takes precedence over the REST API. Default REDIS_URL. */
    redisURL?: string;
  }

  /** What became of the taps redirected since the first reading of the system's counters. All figures are taps. */
  export interface Ledger {
    /** Redirected by the system, as counted by this process. */
    redirected: number;
    /** Put on the queue. */
    received: number;
    /** Moved to the database, by any flush. */
    flushed: number;
    /** Dropped by flushes because their bands are not in the database. */
    dropped: number;
    /** In the queue now. */
    waiting: number;
    /** Redirected but never received. */
    lost: number;
    /** Taken off the queue by a flush that is still running and will count them when it ends. */
    flushing: number;
    /** Received, but not flushed, dropped, waiting or in such a flush; below 0 when more left the queue than arrived. */
    unaccounted: number;
    /** Received beyond those redirected, because others tapped as well. */
    otherTraffic: number;
  }

  /**
   * For teardown(): waits until all redirected taps have been received, or none has arrived for 6 s, and until running flushes have ended,
   * or have had 60 s. It waits at most `timeout`, by default what is left of k6's teardownTimeout. Returns null, and logs that, when neither
   * Upstash nor Redis is configured. Emits `taps_lost` and `queue_depth`; throws when the queue can't be read.
   */
  export function reconcile(options?: ReconcileOptions): Ledger | null;

  export interface UpstashOptions extends Options {
    /** Default UPSTASH_REDIS_REST_URL. */
    url?: string;
    /** Default UPSTASH_REDIS_REST_TOKEN. */
    token?: string;
  }

  export type RedisCommand = (string | number | boolean)[];
  /** As the server sent it; an integer beyond 2^53 is a BigInt. */
  export type RedisValue = null | string | number | bigint | boolean | RedisValue[];
  /** An error that Redis returned for one command. */
  export interface RedisError extends Error {
    command: string;
  }

  /** Upstash's Redis over REST. Each request emits `upstash_latency`. */
  export class Upstash {
    constructor(options?: UpstashOptions);
    /** Runs one command; throws the error that Redis returns. */
    command(command: RedisCommand): RedisValue;
    /** Runs commands in order; returns one entry per command, a RedisError for each that failed. */
    pipeline(commands: RedisCommand[]): (RedisValue | RedisError)[];
    /** Runs commands atomically; throws when they can't be queued. */
    transaction(commands: RedisCommand[]): (RedisValue | RedisError)[];
  }

  /**
   * Runs a request and returns its result, or undefined if a request of this module failed, such as a query that was refused. The failure
   * is counted as usual, and the first of each kind in a process is logged. Any other error, such as a missing setting, is thrown.
   */
  export function attempt<T>(request: () => T): T | undefined;

  // ── the run ─────────────────────────────────────────────────────────────────────────────────────────────────────

  export interface Plateaus {
    /** Taps per second: whole numbers. */
    rates: number[];
    /** How long each rate is held. */
    hold: Duration;
    /** How long the ramp down to 0 takes after the last rate. Default: none. */
    rampDown?: Duration;
    /** How many taps an iteration makes, by `taps(n)`. Default 1. */
    taps?: number;
  }

  /**
   * Returns the part of a `ramping-arrival-rate` scenario that jumps to each rate and holds it. Every tap in such a scenario has the tag
   * `plateau`, by the stages that k6 executes: the rate per second that is held, `settling` in its first twentieth, or `ramp-up` and
   * `ramp-down`.
   */
  export function plateaus(options: Plateaus): { startRate: number; timeUnit: string; stages: { duration: string; target: number }[] };

  /** A limit: the tier that fails a run, which scales the warning, or both tiers; a tier left out has its default. null drops the limit. */
  export type Limit = number | { warn?: number; fail?: number } | null;

  export interface Limits {
    /** p95, ms. Default { warn: 50, fail: 100 }. */
    redirect_latency?: Limit;
    /** p95, ms. Default { warn: 5000, fail: 8000 }. */
    analytics_latency?: Limit;
    /** p95, ms. Default { warn: 10000, fail: 15000 }. */
    csv_export_latency?: Limit;
    /** Below, 0 to 1, overall and for each part. Default { warn: 0.01, fail: 0.03 }. */
    error_rate?: Limit;
    /** Above, 0 to 1. Default 0.99. */
    kv_hit_rate?: Limit;
    /** Below, 0 to 1. Default 0.1. */
    cron_errors?: Limit;
    /** Below, 0 to 1, of the taps that flushes take off the queue. Default { warn: 0, fail: 0.01 }: any dropped tap warns. */
    cron_drop_rate?: Limit;
    /** Below, 0 to 1, of the redirected taps. Default { warn: 0.001, fail: 0.01 }. */
    taps_lost?: Limit;
  }

  /**
   * Returns k6 thresholds for the limits that fail a run: overall, and for redirect latency and errors also in each plateau, if
   * `plateaus()` was called before. null drops one. `report()` judges by the same limits. With the setting GOAL there is one threshold,
   * on `goal_held`, because k6 can't exclude what is above the goal from the others.
   */
  export function thresholds(limits?: Limits): Record<string, string[]>;

  export interface PreflightOptions extends Options {
    /** The parts that the script loads; default: all. Settings of other parts are not needed. A part that is named must be configured. */
    parts?: ('worker' | 'admin' | 'hub' | 'queue')[];
    workerURL?: string;
    /** If set, direct links are tried as well. Default DIRECT_URL. */
    directURL?: string;
    hubURL?: string;
    adminURL?: string;
    email?: string;
    password?: string;
    /** As in `login()`. */
    renew?: boolean;
    eventID?: string;
    /** Each must have bands. Default LOADTEST_EVENT_IDS, else the one of eventID. */
    eventIDs?: string[];
    orgID?: string;
    /** The queries that the run makes: [[procedure, input]]. Default: the five of e2e-load.js. */
    queries?: [procedure: string, input?: unknown][];
    secret?: string;
    upstashURL?: string;
    token?: string;
    redisURL?: string;
    pageHost?: string;
    fallbackHost?: string[];
    /** The protocol of the run's taps. Default http/1.1. */
    protocol?: 'http/1.1' | 'h2';
    /** As in `query()`. */
    transformer?: 'superjson' | 'none' | '';
    /** The hosts that may be loaded, separated by commas; `*.example.com` allows all subdomains. Default ALLOWED_HOSTS; this machine is always allowed. */
    allowedHosts?: string;
  }

  /**
   * For `setup()`: tries what the run will use (a tap of each prefix and form of link, the login of an ADMIN and each query, bands in each
   * event, a flush that drops nothing, the queue), logs a line for each probe, and throws an Error with everything that is wrong. Hosts that
   * are not in ALLOWED_HOSTS are refused before any request. Returns its login, for `setup()` to return. `timeout` is 10s by default.
   */
  export function preflight(options?: PreflightOptions): { session?: Session };

  export interface GuardOptions {
    /** Default ALLOWED_HOSTS. */
    allowedHosts?: string;
  }

  /** Throws for a URL whose host is neither this machine nor in ALLOWED_HOSTS. */
  export function guard(url: string, options?: GuardOptions): void;

  export interface ReportOptions {
    /** The end of the folder's name, after the start of the run: letters, digits, dots, - and _. Default: the script's name. */
    name?: string;
    /** The folder for all results. Default `results`. */
    dir?: string;
    /** The title of the page, also in the first line of the other forms. */
    title?: string;
  }

  /**
   * For `handleSummary`: judges the run plateau by plateau, and writes `results/e2e-load-summary.json` (k6's data and
   * `capacity`, which `results/e2e-load-summary.schema.json` describes), `results/e2e-load-report.html` and `.md`. The same
   * files stay in `results/<start>-<script>/`; `results/latest` links to the last run. Returns what k6 prints, `{stdout}`: the
   * verdict, even if a file can't be written, which is logged. It removes setup()'s data, which holds the session, from k6's
   * data. With --execution-segment it covers this process's part; `k6 x sparkmotion merge` merges them.
   */
  export function report(data: object & { [option in keyof ReportOptions]?: never }, options?: ReportOptions): { stdout: string };
  /** With only options: `export const handleSummary = report({ name: 'soak' })`. */
  export function report(options: ReportOptions): (data: object) => { stdout: string };

  // ── the audit ───────────────────────────────────────────────────────────────────────────────────────────────────

  export interface AuditOptions extends Options {
    /** The Worker's origin; its clock is compared with this machine's. Default WORKER_URL. */
    workerURL?: string;
    /** The Hub's origin, whose clock is compared as well, and which flushes. Default HUB_URL. */
    hubURL?: string;
    /** Default CRON_SECRET. */
    secret?: string;
    /** Default ADMIN_URL. */
    adminURL?: string;
    /** The events of LOADTEST-E1-, -E2- and -E3-. Default LOADTEST_EVENT_IDS, separated by commas. */
    eventIDs?: string[];
    /** The mode that taps must be recorded with. Default live. */
    mode?: string;
    /** How long after the last tap all must be recorded. The Worker may take 30 s after its answer. Default 35s. */
    settle?: Duration;
  }

  /** A tap, with this machine's time; in `unexpected`, a row, with the system's. */
  export interface AuditFinding {
    band: string;
    /** ISO 8601. */
    at: string;
    rows: number;
    /** The names of the other events, or of the row's event. */
    event?: string;
    mode?: string;
  }

  export interface AuditFindings {
    count: number;
    /** At most ten. */
    first: AuditFinding[];
  }

  export interface AuditOutcome {
    /** Taps that were redirected to a page. */
    taps: number;
    /** Of these, the ones recorded as they should be. */
    once: number;
    lost: AuditFindings;
    duplicated: AuditFindings;
    /** The rows of these beyond one each. */
    duplicateRows: number;
    otherEvent: AuditFindings;
    otherMode: AuditFindings;
    /** Rows of the events' bands, in the time of the taps, that don't belong to this audit. */
    unexpected: AuditFindings;
    /** Recorded more than once because this machine sent them twice, after a kept connection closed before the answer. */
    repeated: number;
    /** Not redirected to a page; these are not judged. */
    unanswered: number;
    unansweredRecorded: number;
  }

  /**
   * For `teardown()`: flushes until the queue is empty, and looks for every redirected `tap({ audit: true })` in the rows that
   * `analytics.exportTaps` returns. It logs the outcome, writes it to `results/audit.json`, and emits `audit_recorded`, `audit_lost`,
   * `audit_duplicated`, `audit_other_event`, `audit_other_mode` and `audit_unexpected`, and the metrics of a flush. It throws when it can't
   * tell. It works in one process, without execution segments, with up to a million taps. k6 gives a teardown 60 s, so set
   * `teardownTimeout`.
   */
  export function audit(session: Session | null, options?: AuditOptions): AuditOutcome;

  /** All of the above except the types: `import sparkmotion from 'k6/x/sparkmotion'`. */
  const sparkmotion: Omit<typeof import('k6/x/sparkmotion'), 'default'>;
  export default sparkmotion;
}
