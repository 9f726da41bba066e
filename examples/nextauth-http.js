// How fast are an application's pages for a user who is logged in? A NextAuth login, and k6/http with its session.
//
//   ADMIN_URL=https://app.example.com ALLOWED_HOSTS=app.example.com TEST_EMAIL=… TEST_PASSWORD=… PAGES=/,/settings \
//     ./k6 run examples/nextauth-http.js
//
// If the provider has another name, set PROVIDER=staff; if it asks for more fields, pass fields to login().
import { check } from 'k6';
import http from 'k6/http';
import { applySession, guard, login, report } from 'k6/x/sparkmotion';

const { ADMIN_URL, PROVIDER: provider = 'credentials', PAGES = '/' } = __ENV;

export const options = {
  scenarios: { visitors: { executor: 'constant-vus', vus: 5, duration: __ENV.DURATION || '1m' } },
  thresholds: { checks: ['rate>0.99'], http_req_duration: ['p(95)<500'] },
};

export function setup() {
  guard(ADMIN_URL);
  return { session: login({ provider, renew: true }) };
}

export default function ({ session }) {
  applySession(session); // k6 empties the jar before each iteration
  for (const path of PAGES.split(',')) {
    const page = http.get(session.url + path);
    check(page, { 'the page is for who is logged in': ({ status, url }) => status === 200 && url === session.url + path });
  }
}

export const handleSummary = report; // leaves the session out of what k6 writes
