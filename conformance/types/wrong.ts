// What index.d.ts must refuse: `make types` fails when one of these lines compiles. Nothing here runs.
import sparkmotion, {
  applySession, attempt, bandID, batch, flushTaps, guard, login, mutate, plateaus, preflight, query, queueDepth, reconcile, report, tap,
  taps, thresholds, Upstash,
} from 'k6/x/sparkmotion';
import type { Session } from 'k6/x/sparkmotion';

declare const session: Session;

// @ts-expect-error an option that there is not
tap({ bands: 'LOADTEST-E1-000001' });
// @ts-expect-error a protocol that there is not
tap({ protocol: 'http/3' });
// @ts-expect-error a form of link that there is not
tap({ form: 'short' });
// @ts-expect-error a request, not what came of it
attempt(tap());
// @ts-expect-error a list of events, not a text
tap({ form: 'direct', eventIDs: 'e1,e2,e3' });
// @ts-expect-error header fields are strings
tap({ headers: { 'X-Retry': 1 } });
// @ts-expect-error where it led, which is no boolean
const led: boolean = tap({ location: true });
// @ts-expect-error taps without their number
taps({ utm: 1 });
// @ts-expect-error a distribution's name
bandID({ distribution: 'zipfian' });
// @ts-expect-error no list
bandID({ prefixes: 'LOADTEST-E1-' });
// @ts-expect-error a duration is no date
login({ timeout: new Date() });
// @ts-expect-error fields are strings
login({ fields: { pin: 1234 } });
// @ts-expect-error a jar of k6/http's, not its cookies
applySession(session, {});
// @ts-expect-error a session is needed
applySession();
// @ts-expect-error another call's option
login({ token: 't' });
// @ts-expect-error no procedure
query(session);
// @ts-expect-error a procedure is no session
query('analytics.kpis', session);
// @ts-expect-error a transformer that there is not
query(session, 'analytics.kpis', {}, { transformer: 'devalue' });
// @ts-expect-error as text, k6's own third type
query(session, 'analytics.kpis', {}, { responseType: 'text' });
// @ts-expect-error no procedure
mutate(session);
// @ts-expect-error a list of queries, not one
batch(session, ['analytics.kpis', {}]);
// @ts-expect-error the secret's name
flushTaps({ cronSecret: 's' });
// @ts-expect-error an answer has no such count
flushTaps().lost;
// @ts-expect-error null without a queue
queueDepth().toFixed();
// @ts-expect-error it may be null, too
reconcile().lost;
// @ts-expect-error a command is a list
new Upstash().command('PING');
// @ts-expect-error a list of commands, not one
new Upstash().pipeline(['PING']);
// @ts-expect-error Upstash is a class
Upstash();
// @ts-expect-error no rates
plateaus({ hold: '2m' });
// @ts-expect-error no hold
plateaus({ rates: [500] });
// @ts-expect-error rates are numbers
plateaus({ rates: ['500'], hold: '2m' });
// @ts-expect-error no metric with a limit
thresholds({ queue_depth: 5 });
// @ts-expect-error limits are numbers
thresholds({ redirect_latency: 'p(95)<100' });
// @ts-expect-error eventID, as the other ID
preflight({ eventId: 'e' });
// @ts-expect-error queries with their inputs, not names
preflight({ queries: ['analytics.kpis'] });
// @ts-expect-error no session without the Admin
preflight().session.cookie;
// @ts-expect-error no URL
guard();
// @ts-expect-error report() takes handleSummary's data
report();
// @ts-expect-error a title, not a label: that is a setting
report({ label: 'PR 123' }, { label: 'PR 123' });
// @ts-expect-error options alone make a function of k6's data
report({ name: 'soak' }).stdout;
// @ts-expect-error the default export knows the options too
sparkmotion.tap({ bands: 'LOADTEST-E1-000001' });
// @ts-expect-error and what there is not
sparkmotion.default;
