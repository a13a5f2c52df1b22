/** Cloudflare: redirect rules for its Rulesets API, or a Worker that passes requests on. */
import { BODY_BYTES, heading, RETRY_AFTER, type Balancer } from './balancer';
import { addressOf, otherwise, type RedirectPlan, type Route } from './route';

const NOTES = [
  'Devices then speak TLS with Cloudflare: the edge’s certificate must chain to what the enrollment profile trusts. A profile that carries its own anchor shuts Cloudflare out.',
  'Except these paths from bot protection, challenges and WAF rules: a device cannot answer a challenge.',
];

export const CLOUDFLARE: Balancer = {
  name: 'cloudflare',
  title: 'Cloudflare, redirect rules as JSON',
  ending: 'json',
  modes: ['redirect'],
  proof: 'schema',
  notes: [
    ...NOTES,
    'It is the body of `PUT /zones/ZONE/rulesets/phases/http_request_dynamic_redirect/entrypoint`; that call replaces the zone’s other redirect rules, so add them.',
    'What is not redirected goes to the origin of the old name’s DNS record, as before.',
  ],
  write: writeRules,
};

export const CLOUDFLARE_WORKER: Balancer = {
  name: 'cloudflare-worker',
  title: 'Cloudflare, a Worker',
  ending: 'js',
  modes: ['rewrite'],
  proof: 'run',
  notes: [
    ...NOTES,
    'Give it the route of the old name: `mdm.example.com/*`. Fleet’s name must not lead through the same Worker.',
  ],
  write: writeWorker,
};

function expressionOf({ host }: RedirectPlan, paths: readonly string[]): string {
  return `http.host eq "${host}" and http.request.uri.path in {${paths.map((path) => `"${path}"`).join(' ')}}`;
}

function writeRules(plan: RedirectPlan): string {
  const targets = new Map<string, Route[]>();
  for (const route of plan.routes) {
    if (route.to.kind !== 'fleet') continue;
    targets.set(route.to.path, [...(targets.get(route.to.path) ?? []), route]);
  }
  const rules = [...targets].map(([path, routes]) => ({
    ref: `slipway${path.replaceAll('/', '_')}`,
    description: `${plan.host}: ${routes[0]?.why ?? ''}`,
    expression: expressionOf(plan, [...new Set(routes.map((route) => route.path))]),
    action: 'redirect',
    action_parameters: {
      from_value: {
        target_url: { value: `${addressOf(plan.fleet)}${plan.fleet.prefix}${path}` },
        // 307 keeps method and body; 301 and 302 would not.
        status_code: 307,
        preserve_query_string: true,
      },
    },
    enabled: true,
  }));
  return `${JSON.stringify({ description: `${plan.host} leads to Fleet`, rules }, null, 2)}\n`;
}

function writeWorker(plan: RedirectPlan): string {
  const table = [
    ...plan.routes.map(({ match, path, to, why }) => ({ match, path, ...targetOf(plan, to), why })),
    { match: 'prefix', path: '/', ...targetOf(plan, otherwise(plan.phase)), why: 'Everything else.' },
  ];
  return `${heading(plan, 'Cloudflare Worker', '//')}

const ROUTES = ${JSON.stringify(table, null, 2)};

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const route = ROUTES.find(({ match, path }) =>
      match === 'exact' ? url.pathname === path : url.pathname.startsWith(path),
    );
    if (route.status !== undefined) {
      return new Response(null, {
        status: route.status,
        headers: route.status === 503 ? { 'Retry-After': '${RETRY_AFTER}' } : {},
      });
    }
    if (Number(request.headers.get('Content-Length') ?? 0) > ${BODY_BYTES}) return new Response(null, { status: 413 });
    const target = new URL(route.origin + (route.to ?? route.prefix + url.pathname));
    target.search = url.search;
    // Method, headers (Mdm-Signature among them) and body as they came; the answer as Fleet gave it.
    return fetch(new Request(target, request), { redirect: 'manual' });
  },
};
`;
}

function targetOf(plan: RedirectPlan, to: Route['to']): object {
  if (to.kind === 'refuse') return { status: to.status };
  if (to.kind === 'fleet') return { origin: addressOf(plan.fleet), to: plan.fleet.prefix + to.path };
  return { origin: addressOf(plan.old), prefix: plan.old.prefix };
}
