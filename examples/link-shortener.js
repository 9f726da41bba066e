// How many redirects a second does a link shortener hold? tap() and the verdict for a service other than SparkMotion.
//
//   SHORTENER_URL=https://go.example.com ALLOWED_HOSTS=go.example.com PAGE_HOST=shop.example.com ./k6 run examples/link-shortener.js
//
// In this example, its links are /go?code=CODE, and it answers 301 to a page on PAGE_HOST. CODES must be codes that it knows.
import { guard, plateaus, report, tap, thresholds } from 'k6/x/sparkmotion';

const { SHORTENER_URL: url, PAGE_HOST: pageHost, CODES = 'spring,summer', RATES = '100,200,400', HOLD = '2m' } = __ENV;
const codes = CODES.split(',');

export const options = {
  scenarios: {
    links: {
      executor: 'ramping-arrival-rate',
      preAllocatedVUs: 50,
      maxVUs: 500,
      ...plateaus({ rates: RATES.split(',').map(Number), hold: HOLD }),
    },
  },
  thresholds: thresholds({ redirect_latency: 200, kv_hit_rate: null }), // the KV is SparkMotion's
};

export const setup = () => guard(url); // no load without SHORTENER_URL, nor to a host that is not in ALLOWED_HOSTS
export const handleSummary = report;

export default function () {
  const code = codes[Math.floor(Math.random() * codes.length)];
  tap({ url, path: '/go', param: 'code', band: code, status: 301, utm: 0, pageHost });
}
