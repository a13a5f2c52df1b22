/** Traefik 3: a file for the file provider. */
import { heading, type Balancer } from './balancer';
import { addressOf, isAddress, otherwise, type Backend, type RedirectPlan, type Route } from './route';

export const TRAEFIK: Balancer = {
  name: 'traefik',
  title: 'Traefik',
  ending: 'yml',
  modes: ['rewrite', 'redirect'],
  proof: 'schema',
  notes: [
    'It belongs into the folder of the file provider; an entry point named `websecure` is taken for granted.',
    'Traefik has no fixed answers: what is refused has a service without servers, which answers 503.',
    'Its redirect keeps the method of everything but GET, which is all that devices and SCEP need.',
  ],
  write,
};

function write(plan: RedirectPlan): string {
  const { host, files, routes, phase, fleet, old } = plan;
  const all = [...routes.map((route, index) => router(plan, route, index)), lastRouter(plan)];
  const targets = [...new Set(routes.flatMap(({ to }) => (to.kind === 'fleet' ? [to.path] : [])))];
  const middlewares = targets.map((path) => middleware(plan, path));
  const usesOld = otherwise(phase).kind === 'old' || routes.some(({ to }) => to.kind === 'old');
  return `${heading(plan, 'Traefik', '#')}

http:
  routers:
${all.join('')}
  middlewares:
${middlewares.join('')}${usesOld && old.prefix !== '' ? `    slipway-old-prefix:\n      addPrefix:\n        prefix: "${old.prefix}"\n` : ''}
  services:
${service('fleet', fleet)}${usesOld ? service('old', old) : ''}    # No server, so the answer is 503.
    slipway-none:
      loadBalancer:
        servers: []

  serversTransports:
${transport('fleet', fleet, files.trust)}${usesOld ? transport('old', old, files.trust) : ''}
tls:
  certificates:
    # For ${host}: the chain devices trust.
    - certFile: "${files.certificate}"
      keyFile: "${files.key}"
`;
}

function router(plan: RedirectPlan, { match, path, to, why }: Route, index: number): string {
  const rule = `Host(\`${plan.host}\`) && ${match === 'exact' ? 'Path' : 'PathPrefix'}(\`${path}\`)`;
  return entry(plan, { name: `slipway-${index + 1}`, rule, priority: 1000 - index, to, why });
}

function lastRouter(plan: RedirectPlan): string {
  const rule = `Host(\`${plan.host}\`)`;
  return entry(plan, { name: 'slipway-rest', rule, priority: 1, to: otherwise(plan.phase), why: 'Everything else.' });
}

function entry(
  plan: RedirectPlan,
  { name, rule, priority, to, why }: { name: string; rule: string; priority: number; to: Route['to']; why: string },
): string {
  const middlewares =
    to.kind === 'fleet' ? [nameOf(to.path)] : to.kind === 'old' && plan.old.prefix !== '' ? ['slipway-old-prefix'] : [];
  const service = to.kind === 'fleet' ? 'slipway-fleet' : to.kind === 'old' ? 'slipway-old' : 'slipway-none';
  return `    # ${why}
    ${name}:
      entryPoints: ["websecure"]
      rule: "${rule}"
      priority: ${priority}
${middlewares.length === 0 ? '' : `      middlewares: ["${middlewares.join('", "')}"]\n`}      service: "${service}"
      tls: {}
`;
}

function nameOf(path: string): string {
  return `slipway-to${path.replaceAll(/[^a-z0-9]+/gi, '-')}`;
}

function middleware(plan: RedirectPlan, path: string): string {
  const target = plan.fleet.prefix + path;
  return plan.mode === 'rewrite'
    ? `    ${nameOf(path)}:\n      replacePath:\n        path: "${target}"\n`
    : `    ${nameOf(path)}:\n      redirectRegex:\n        regex: '^https?://[^/]+/[^?]*(\\?.*)?$'\n        replacement: "${addressOf(plan.fleet)}${target}\${1}"\n        permanent: false\n`;
}

function service(name: string, backend: Backend): string {
  return `    slipway-${name}:
      loadBalancer:
        # The server’s own name is sent as Host.
        passHostHeader: false
        servers:
          - url: "${addressOf(backend)}"
        serversTransport: "slipway-${name}"
`;
}

function transport(name: string, backend: Backend, trust: string): string {
  const lines = backend.secure
    ? [`rootCAs: ["${trust}"]`, ...(isAddress(backend.host) ? [] : [`serverName: "${backend.host}"`])]
    : [];
  return `    slipway-${name}:\n${[...lines, 'forwardingTimeouts:', '  dialTimeout: "10s"'].map((line) => `      ${line}\n`).join('')}`;
}
