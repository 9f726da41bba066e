import { resolve } from '../../hub.js';

export async function GET(request) {
  return new Response(null, { status: 302, headers: { Location: await resolve(new URL(request.url), request.headers) } });
}
