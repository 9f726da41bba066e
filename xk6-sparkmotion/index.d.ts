/**
 * k6/x/sparkmotion: the steps of a SparkMotion load test, each with its metrics.
 *
 * Every function works without arguments, from settings in the environment or `-e`; an options object overrides them.
 * A missing setting, an unknown option and a value of the wrong kind throw an Error that names them. What sends requests,
 * or picks bands in turn or with a seed, needs a VU and throws in the init context. TEST_PASSWORD, CRON_SECRET,
 * UPSTASH_REDIS_REST_TOKEN and REDIS_URL are also asked of k6's secret source (`--secret-source`), under these names.
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
    /** What the provider's form asks for beside `email` and `password`, such as `{ totp: '123456' }`; null leaves one of these two out. */
    fields?: Record<string, string | null>;
    /**
     * When a query or a batch is answered 401, or `applySession()` is given a session that is over, log in anew in the same way. The VUs
     * of a process share the new session; where the login fails, each VU tries once. Default false.
     */
    renew?: boolean;
  }

  /** A cookie of a session, as the login set it; `http.CookieJar`'s `set()` takes its attributes. */
  export interface SessionCookie {
    name: string;
    /** A secret. */
    value: string;
    /** Empty: of the application's host alone. */
    domain: string;
    path: string;
    /** ISO 8601; empty: none. */
    expires: string;
    secure: boolean;
  }

  /** A login. A plain object: it can be returned from `setup()`. */
  export interface Session {
    /** The application's origin. */
    url: string;
    /** The value of a Cookie header: the session cookie with all its chunks. A secret. */
    cookie: string;
    /** The same, each as the login set it. Secrets. */
    cookies: SessionCookie[];
    /** The session cookie's name, e.g. `admin-auth.session-token`. */
    name: string;
    /** As `/api/auth/session` gives it. */
    user: Record<string, unknown>;
    /** ISO 8601. */
    expires: string;
    /** It was asked for. */
    renew?: true;
  }

  /**
   * Logs in by NextAuth's credentials flow, v4 or v5, under any cookie prefix. Throws with the reason when it fails:
   * wrong credentials, an unknown provider, a refused CSRF token, no NextAuth at the URL, a limit on logins, nobody there.
   */
  export function login(options?: LoginOptions): Session;

  /**
   * Puts a session into a cookie jar of `k6/http`, by default the VU's: its requests to the application are then the session's, in whatever
   * chunks it comes. k6 empties a VU's jar before each iteration, so that it is for the beginning of one. The newest session is put there, and
   * one that is over is renewed first, or throws.
   */
  export function applySession(session: Session, jar?: import('k6/http').CookieJar): void;

  export interface QueryOptions extends Options {
    /** The admin application's origin. Default ADMIN_URL. */
    url?: string;
    /**
     * The server's transformer, `"superjson"` or `"none"`. Default TRPC_TRANSFORMER, else found once a process by the server's own
     * answers. By superjson dates, undefined, BigInt, NaN, infinities and -0 go both ways; a Map, Set, URL, RegExp or Error throws in
     * an input, and stays its JSON in an answer.
     */
    transformer?: 'superjson' | 'none' | '';
    /** `"none"` checks the answer and returns null instead of its data: for exports of many rows. Default `"json"`. */
    responseType?: 'json' | 'none';
  }

  /** What a failed query throws, or is in a batch. */
  export interface QueryError extends Error {
    /** tRPC's, e.g. UNAUTHORIZED; missing when the answer was no tRPC error. */
    code?: string;
    /** The HTTP status; 0 when nothing came back. */
    status?: number;
    procedure?: string;
  }

  /**
   * One tRPC query. When it is accepted, it emits `analytics_latency`, or `csv_export_latency` for a procedure whose name starts with
   * `export` and that gave rows, with the tag `procedure`; always `error_rate` with the tag `part: admin`.
   */
  export function query<T = unknown>(
    session: Session | null, procedure: string, input?: unknown, options?: QueryOptions): T;

  /** One tRPC mutation, by POST. It counts as a query does. */
  export function mutate<T = unknown>(
    session: Session | null, procedure: string, input?: unknown, options?: QueryOptions): T;

  /** Several queries in one request: an array of their data, a QueryError for each that failed. */
  export function batch(
    session: Session | null, queries: [procedure: string, input?: unknown][], options?: QueryOptions): unknown[];

  // ── taps ────────────────────────────────────────────────────────────────────────────────────────────────────────

  export interface BandOptions {
    /** Default LOADTEST-E1-, LOADTEST-E2-, LOADTEST-E3-. */
    prefixes?: string[];
    /** Bands under each prefix, numbered from 000001. Default LOADTEST_BANDS, else 200000. */
    count?: number;
    /**
     * `uniform` (default): each with the same chance. `zipf`: few often. `sequential`: in turn, none twice over all VUs
     * and execution segments until the pool is through and starts over.
     */
    distribution?: 'uniform' | 'zipf' | 'sequential';
    /** A whole number but 0: every run picks the same bands, another series in each VU. */
    seed?: number;
  }

  /** A band of the pool, e.g. `LOADTEST-E2-004711`. */
  export function bandID(options?: BandOptions): string;

  export interface TapOptions extends Options {
    /** The Worker's origin, without query and fragment. Default WORKER_URL. */
    url?: string;
    /** The origin of direct links. Default DIRECT_URL. */
    directURL?: string;
    /** The organisation of direct links. Default LOADTEST_ORG_ID. */
    orgID?: string;
    /** The events of direct links, one for each of LOADTEST-E1-, -E2- and -E3-. Default LOADTEST_EVENT_IDS, with commas. */
    eventIDs?: string[];
    /**
     * `subdomain` (default): `https://<orgSlug>.<domain>/e?bandId=ID`. `direct`: `/e?eventId=E&orgId=O&bandId=ID` at directURL. The tag
     * `form` of a tap's samples.
     */
    form?: 'subdomain' | 'direct';
    /** Default: `bandID()`. */
    band?: string;
    /** The share of taps with UTM parameters, 0 to 1. Default 0.5. */
    utm?: number;
    /** The host of the event's page; a URL will do. Default PAGE_HOST, else compassion.com. */
    pageHost?: string;
    /** Hosts that a tap is led to when the system failed: an error. Default FALLBACK_HOST, with commas, else sparkmotion.io and sparkmotion.net. */
    fallbackHost?: string[];
    /** For other redirect services: the path. Default `/e`. */
    path?: string;
    /** The parameter that carries the band. Default `bandId`. */
    param?: string;
    /** The status of a redirect, 300 to 399. Default 302. */
    status?: number;
    /** More parameters of each tap. */
    query?: Record<string, string>;
    /** More header fields of each tap. */
    headers?: Record<string, string>;
    /** A Cookie header. */
    cookie?: string;
    /**
     * `http/1.1` (default): the fast lane, on kept connections. `h2`: the VU's own transport, which speaks HTTP/2 where
     * the server does; so do a proxy in the environment and `--http-debug`.
     */
    protocol?: 'http/1.1' | 'h2';
    /**
     * `kept` (default): as many connections as taps are in flight, shared by the VUs of a process unless `--local-ips` or
     * `noVUConnectionReuse` keeps them apart. `new`: one for each tap, with a whole TLS handshake, as a phone makes that was not there before.
     * `resumed`: one for each, that resumes an earlier one's TLS session. Both take `protocol: 'http/1.1'`. Default CONNECTIONS.
     */
    connection?: 'kept' | 'new' | 'resumed';
    /** When `taps(n)` are due: `even`, or as a `poisson` process of n for each iteration on average. Default ARRIVALS, else even. */
    arrivals?: 'even' | 'poisson';
    /** Draws the same arrivals in every run; another series in each VU. Default SEED, else another each time. */
    seed?: number;
    /** Has `audit()` look for the tap. It needs a band of its own, and carries a User-Agent of the audit's. Default false. */
    audit?: boolean;
    /** Returns the URL that the tap led to, with its UTM parameters, in place of true, and null in place of false. Not for `taps()`. Default false. */
    location?: boolean;
    /** How long a tap may take. Default 10s: nobody holds a phone longer. */
    timeout?: Duration;
  }

  /**
   * One tap: opens a band's link and follows the redirect no further. True when it led to a page; to a fallback is an error. Emits
   * `redirect_latency`, `error_rate` with the tag `part: worker`, `kv_hit_rate` for redirects whose answer tells where it comes from (the
   * Worker's KV, or the Hub), `connect_latency` for a connection that is new, three checks, and k6's http_req_*; with the tag `form`, and `plateau` where the arrival rate ramps; and
   * the generator's own health, `generator_lag`, `generator_limited` and `generator_memory`. It does not throw for what the Worker answers;
   * the first failure of each kind in a process is logged.
   */
  export function tap(options: TapOptions & { location: true }): string | null;
  export function tap(options?: TapOptions): boolean;

  /**
   * n taps (1 to 1000) in one iteration; returns how many were redirected. In an arrival-rate scenario they are spread
   * over the time that the iteration stands for, 1/rate; each is due at its own moment whatever became of those before
   * it, and its `redirect_latency` counts from then. In other scenarios they follow one another.
   */
  export function taps(n: number, options?: TapOptions): number;

  export interface SearchOptions extends Options {
    /** Taps/s that it begins with. Default 100. */
    start?: number;
    /** Taps/s that it never exceeds. Default 50000. */
    most?: number;
    /** How long a probe's load settles before it is judged. Default 2s. */
    settle?: string | number;
    /** How long a probe is judged over: half of it while the rate doubles, and always as long as 120 taps take. Default 6s. */
    hold?: string | number;
    /** How long the answer is held. Default 2m. */
    confirm?: string | number;
    /** How long it may all take. What is left of it for the confirmation is kept. Default 6m. */
    time?: string | number;
  }

  export interface Capacity {
    /** The answer, in taps/s; null when none was confirmed. */
    rate: number | null;
    /** The highest rate that held; null for none. */
    low: number | null;
    /** The lowest rate above that which did not; null when all held. */
    high: number | null;
  }

  /**
   * Finds the highest rate at which every limit holds: doubles it until one breaks, comes back, bisects, and holds the answer to confirm
   * it. `probeTaps()` makes the taps. Call it once, in a scenario of one virtual user and one iteration; it returns when it is done, or
   * time is up. The limits are those of `thresholds()`, or else the usual ones; `report()` tells its probes as plateaus. Emits `capacity`,
   * when there is an answer. Ends a run of which this process has a part alone.
   */
  export function findCapacity(options?: SearchOptions): Capacity;

  /**
   * The taps that `findCapacity()` asks for in the time that an iteration of an arrival-rate scenario stands for; returns how many
   * were redirected. Each is due at its own moment, from which its `redirect_latency` counts. None before and after the search.
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
    /** Batches that went back on the queue, each as often as it failed. */
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
    /** `redis://` or `rediss://`; wins over the REST API. Default REDIS_URL. */
    redisURL?: string;
    /** Default tap-log:pending. */
    key?: string;
  }

  /**
   * How many taps wait in the queue, and by the way a reading of the system's own counters, of which the report tells; null, and one line in the log a run, when neither Upstash nor Redis is configured.
   * Emits `queue_depth`, and `error_rate` with the tag `part: upstash`; throws when the queue can't be read.
   */
  export function queueDepth(options?: QueueOptions): number | null;

  export interface ReconcileOptions extends Options {
    /** Default UPSTASH_REDIS_REST_URL. */
    url?: string;
    /** Default UPSTASH_REDIS_REST_TOKEN. */
    token?: string;
    /** `redis://` or `rediss://`; wins over the REST API. Default REDIS_URL. */
    redisURL?: string;
  }

  /** What became of the taps that were redirected since the first reading of the system's counters. All are taps. */
  export interface Ledger {
    /** By the system, as this process saw it. */
    redirected: number;
    /** Put on the queue. */
    received: number;
    /** Moved to the database, by whoever flushed. */
    flushed: number;
    /** Thrown away by flushes, as their bands are not in the database. */
    dropped: number;
    /** In the queue now. */
    waiting: number;
    /** Redirected and never received. */
    lost: number;
    /** Taken off the queue by a flush that had not ended: it counts them when it does. */
    flushing: number;
    /** Received, and neither flushed, dropped, waiting nor in such a flush; below 0 when more left the queue than came. */
    unaccounted: number;
    /** Received beyond those redirected: others tapped too. */
    otherTraffic: number;
  }

  /**
   * For teardown(): waits until the taps that were redirected have been received, or none has come for 6 s, and flushes under way have
   * ended, or have had 60 s; at most `timeout`, by default what k6's teardownTimeout leaves. null, and one line in the log, when neither Upstash nor Redis is configured.
   * Emits `taps_lost` and `queue_depth`; throws when the queue can't be read.
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
  /** An error that Redis answered to one command. */
  export interface RedisError extends Error {
    command: string;
  }

  /** Upstash's Redis over REST. Each request emits `upstash_latency`. */
  export class Upstash {
    constructor(options?: UpstashOptions);
    /** Runs one command; throws the error that Redis answers. */
    command(command: RedisCommand): RedisValue;
    /** Runs commands in order; one entry a command, a RedisError for each that failed. */
    pipeline(commands: RedisCommand[]): (RedisValue | RedisError)[];
    /** Runs commands atomically; throws when they can't be queued. */
    transaction(commands: RedisCommand[]): (RedisValue | RedisError)[];
  }

  /**
   * Runs a request, and returns what it gives. What a call of this module throws for a request that was sent, such as a query that is
   * refused, is not thrown: it has been counted, the first of each kind in a process is logged, and undefined is returned. Any other
   * error, such as a missing setting, is thrown.
   */
  export function attempt<T>(request: () => T): T | undefined;

  // ── the run ─────────────────────────────────────────────────────────────────────────────────────────────────────

  export interface Plateaus {
    /** Taps a second: whole numbers. */
    rates: number[];
    /** How long each rate is held. */
    hold: Duration;
    /** How long the fall to 0 takes after the last. Default: none. */
    rampDown?: Duration;
    /** How many taps an iteration makes, by `taps(n)`, so that one of k6's carries several. Default 1. */
    taps?: number;
  }

  /**
   * The part of a `ramping-arrival-rate` scenario that jumps to each rate and holds it. Every tap in such a scenario carries the tag
   * `plateau`, by the stages that k6 executes: the rate a second that is held, `settling` in its first
   * twentieth, or `ramp-up` and `ramp-down`.
   */
  export function plateaus(options: Plateaus): { startRate: number; timeUnit: string; stages: { duration: string; target: number }[] };

  /** A limit: the tier that fails a run, with the warning in proportion, or both tiers; of one that is left out, the default. null drops the limit. */
  export type Limit = number | { warn?: number; fail?: number } | null;

  export interface Limits {
    /** p95, ms. Default { warn: 50, fail: 100 }. */
    redirect_latency?: Limit;
    /** p95, ms. Default { warn: 5000, fail: 8000 }. */
    analytics_latency?: Limit;
    /** p95, ms. Default { warn: 10000, fail: 15000 }. */
    csv_export_latency?: Limit;
    /** Below, 0 to 1, over all and for each part. Default { warn: 0.01, fail: 0.03 }. */
    error_rate?: Limit;
    /** Above, 0 to 1. Default 0.99. */
    kv_hit_rate?: Limit;
    /** Below, 0 to 1. Default 0.1. */
    cron_errors?: Limit;
    /** Below, 0 to 1, of the taps that flushes take off the queue. Default { warn: 0, fail: 0.01 }: any warns. */
    cron_drop_rate?: Limit;
    /** Below, 0 to 1, of the taps that were redirected. Default { warn: 0.001, fail: 0.01 }. */
    taps_lost?: Limit;
  }

  /**
   * k6 thresholds for the limits that fail a run: over all, and redirect latency and errors in each plateau too, when
   * `plateaus()` was called before. null drops one. `report()` judges by the same limits. With the setting GOAL there is one threshold,
   * on `goal_held`: k6 can't leave what is above the goal out of the others.
   */
  export function thresholds(limits?: Limits): Record<string, string[]>;

  export interface PreflightOptions extends Options {
    /** The parts that the script loads. All by default; the settings of the others are not needed. One that is named must be configured. */
    parts?: ('worker' | 'admin' | 'hub' | 'queue')[];
    workerURL?: string;
    /** With it, direct links are tried as well. Default DIRECT_URL. */
    directURL?: string;
    hubURL?: string;
    adminURL?: string;
    email?: string;
    password?: string;
    /** As `login()`'s. */
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
    /** That the run's taps speak. Default http/1.1. */
    protocol?: 'http/1.1' | 'h2';
    /** As `query()`'s. */
    transformer?: 'superjson' | 'none' | '';
    /** Hosts that load may be sent to, with commas; `*.example.com` for all below. Default ALLOWED_HOSTS; this machine always. */
    allowedHosts?: string;
  }

  /**
   * For `setup()`: tries what the run will ask (a tap of each prefix and form of link, the login of an ADMIN and each query, bands in each
   * event, a flush that drops nothing, the queue), logs a line a probe and throws with all that is wrong. Hosts that nobody has named in
   * ALLOWED_HOSTS are refused before anything is asked of them. Returns the login that it made, for `setup()` to return. `timeout` is 10s
   * by default.
   */
  export function preflight(options?: PreflightOptions): { session?: Session };

  export interface GuardOptions {
    /** Default ALLOWED_HOSTS. */
    allowedHosts?: string;
  }

  /** Throws for a URL whose host is neither this machine nor named in ALLOWED_HOSTS. */
  export function guard(url: string, options?: GuardOptions): void;

  export interface ReportOptions {
    /** What the run's folder is called behind its start. Letters, digits, dots, - and _. Default: the script's name. */
    name?: string;
    /** The folder for all of it. Default `results`. */
    dir?: string;
    /** Of the page, and in the first line of the other forms. */
    title?: string;
  }

  /**
   * For `handleSummary`: judges the run plateau by plateau, and writes `results/e2e-load-summary.json` (k6's data and
   * `capacity`, which `results/e2e-load-summary.schema.json` describes), `results/e2e-load-report.html` and `.md`. The same
   * files stay in `results/<start>-<script>/`; `results/latest` leads to the last run's. Returns what k6 prints, `{stdout}`: the
   * verdict, also when a file can't be written, which is logged. It takes setup()'s data, which holds the session, out of k6's
   * data. With --execution-segment it is of this process's part; `k6 x sparkmotion merge` makes one of all.
   */
  export function report(data: object & { [option in keyof ReportOptions]?: never }, options?: ReportOptions): { stdout: string };
  /** With options alone: `export const handleSummary = report({ name: 'soak' })`. */
  export function report(options: ReportOptions): (data: object) => { stdout: string };

  // ── the audit ───────────────────────────────────────────────────────────────────────────────────────────────────

  export interface AuditOptions extends Options {
    /** Its clock is compared with this machine's. Default WORKER_URL. */
    workerURL?: string;
    /** So is this one's, which also flushes. Default HUB_URL. */
    hubURL?: string;
    /** Default CRON_SECRET. */
    secret?: string;
    /** Default ADMIN_URL. */
    adminURL?: string;
    /** The events of LOADTEST-E1-, -E2- and -E3-. Default LOADTEST_EVENT_IDS, with commas. */
    eventIDs?: string[];
    /** That the taps must be recorded as. Default live. */
    mode?: string;
    /** How long after the last tap all must be recorded. What the Worker does after an answer may take 30 s. Default 35s. */
    settle?: Duration;
  }

  /** A tap, at this machine's time; of `unexpected` a row, at the system's. */
  export interface AuditFinding {
    band: string;
    /** ISO 8601. */
    at: string;
    rows: number;
    /** The names of other events, or of the row's. */
    event?: string;
    mode?: string;
  }

  export interface AuditFindings {
    count: number;
    /** Not more than ten. */
    first: AuditFinding[];
  }

  export interface AuditOutcome {
    /** That were redirected to a page. */
    taps: number;
    /** Of them, those that are recorded as they should be. */
    once: number;
    lost: AuditFindings;
    duplicated: AuditFindings;
    /** Of those, all rows but one each. */
    duplicateRows: number;
    otherEvent: AuditFindings;
    otherMode: AuditFindings;
    /** Rows of the events' bands, in the time of the taps, that are none of these. */
    unexpected: AuditFindings;
    /** Recorded more than once because this machine had sent them twice, as a kept connection ended before the answer. */
    repeated: number;
    /** Not redirected to a page: nothing is expected of them. */
    unanswered: number;
    unansweredRecorded: number;
  }

  /**
   * For `teardown()`: flushes until the queue is empty, and looks for every `tap({ audit: true })` that was redirected in what
   * `analytics.exportTaps` gives. It logs what became of them, writes it into `results/audit.json`, and emits `audit_recorded`,
   * `audit_lost`, `audit_duplicated`, `audit_other_event`, `audit_other_mode` and `audit_unexpected`, and a flush's metrics. It throws when
   * it can't tell. One process, without execution segments, has up to a million taps; k6 gives a teardown 60 s, so set
   * `teardownTimeout`.
   */
  export function audit(session: Session | null, options?: AuditOptions): AuditOutcome;

  /** All of the above, but the types: `import sparkmotion from 'k6/x/sparkmotion'`. */
  const sparkmotion: Omit<typeof import('k6/x/sparkmotion'), 'default'>;
  export default sparkmotion;
}
