import { flush } from '../../../../hub.js';

export async function GET(request) {
  if (request.headers.get('authorization') !== `Bearer ${process.env.CRON_SECRET}`) {
    return Response.json({ error: 'Unauthorized' }, { status: 401 });
  }
  return flush().then(Response.json, () => Response.json({ error: 'Internal error' }, { status: 500 }));
}
