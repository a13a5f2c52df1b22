/** Caddy 2: a whole Caddyfile. */
import { BODY_BYTES, heading, HEADER_BYTES, RETRY_AFTER, type Balancer } from './balancer';
import { addressOf, hostHeaderOf, isAddress, otherwise, type Backend, type RedirectPlan, type Route } from './route';

export const CADDY: Balancer = {
  name: 'caddy',
  title: 'Caddy',
  ending: 'Caddyfile',
  modes: ['rewrite', 'redirect'],
  proof: 'run',
  notes: [
    'The certificate is given by file, so that devices see the chain they trust; Caddy’s own certificates are right only where the enrollment profile carries no anchor.',
    'Check it with `caddy validate`, then `caddy reload`.',
  ],
  write,
};

function write(plan: RedirectPlan): string {
  const { host, port, files, routes, phase } = plan;
  return `${heading(plan, 'Caddy', '#')}

{
	# Nothing listens on port 80, and nothing asks a CA for certificates.
	auto_https off
	servers {
		max_header_size ${HEADER_BYTES * 2}
	}
}

https://${host}:${port} {
	tls ${files.certificate} ${files.key} {
		protocols tls1.2 tls1.3
	}
	request_body {
		max_size ${BODY_BYTES / 1_048_576}MiB
	}

${[...routes.map((route) => handle(plan, route)), block('	# Everything else.\n	handle', lines(plan, otherwise(phase)))].join('\n')}}
`;
}

function handle(plan: RedirectPlan, { match, path, to, why }: Route): string {
  return block(`\t# ${why}\n\thandle ${path}${match === 'prefix' ? '*' : ''}`, lines(plan, to));
}

function lines(plan: RedirectPlan, to: Route['to']): string[] {
  if (to.kind === 'refuse')
    return to.status === 503 ? [`header Retry-After ${RETRY_AFTER}`, 'respond 503'] : [`respond ${to.status}`];
  if (to.kind === 'old') {
    const { prefix } = plan.old;
    return [...(prefix === '' ? [] : [`rewrite * ${prefix}{uri}`]), ...through(plan, plan.old)];
  }
  const path = plan.fleet.prefix + to.path;
  if (plan.mode === 'redirect')
    return [
      '# A query, as SCEP’s, goes along.',
      '@query expression `{query} != ""`',
      `redir @query ${addressOf(plan.fleet)}${path}?{query} 307`,
      `redir ${addressOf(plan.fleet)}${path} 307`,
    ];
  // Without a query of its own, a rewrite keeps the request’s.
  return [`rewrite * ${path}`, ...through(plan, plan.fleet)];
}

function through({ files }: RedirectPlan, backend: Backend): string[] {
  const transport = backend.secure
    ? [
        '	transport http {',
        `		tls_trusted_ca_certs ${files.trust}`,
        ...(isAddress(backend.host) ? [] : [`		tls_server_name ${backend.host}`]),
        '	}',
      ]
    : [];
  return [`reverse_proxy ${addressOf(backend)} {`, `	header_up Host ${hostHeaderOf(backend)}`, ...transport, '}'];
}

function block(head: string, body: readonly string[]): string {
  return `${head} {\n${body.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}
