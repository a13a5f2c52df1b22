/** nginx: one file for /etc/nginx/conf.d. */
import { BODY_BYTES, heading, HEADER_BYTES, RETRY_AFTER, type Balancer } from './balancer';
import { addressOf, hostHeaderOf, isAddress, otherwise, type Backend, type RedirectPlan, type Route } from './route';

export const NGINX: Balancer = {
  name: 'nginx',
  title: 'nginx',
  ending: 'conf',
  modes: ['rewrite', 'redirect'],
  proof: 'run',
  notes: [
    'nginx asks DNS for Fleet’s name once, at its start: reload it when Fleet’s addresses change (a cloud load balancer’s do).',
    'Check it with `nginx -t`, then reload with `nginx -s reload`; connections that are open are not cut.',
  ],
  write,
};

function write(plan: RedirectPlan): string {
  const { host, port, files, routes, phase } = plan;
  return `${heading(plan, 'nginx', '#')}

server {
    listen ${port} ssl;
    server_name ${host};
    server_tokens off;

    ssl_certificate     ${files.certificate};
    ssl_certificate_key ${files.key};
    ssl_protocols       TLSv1.2 TLSv1.3;

    # Mdm-Signature is one header of up to 12 KB; nginx’s own limit is 8 KB and it would answer 400.
    large_client_header_buffers 4 ${HEADER_BYTES / 1024}k;
    # The whole body is taken before Fleet is called.
    client_max_body_size    ${BODY_BYTES / 1_048_576}m;
    client_body_buffer_size 1m;

    proxy_http_version      1.1;
    proxy_connect_timeout   10s;
    proxy_read_timeout      60s;
    # Another address of the same name is tried when one cannot be reached.
    proxy_next_upstream     error;
    proxy_next_upstream_tries 2;
    proxy_set_header        X-Forwarded-For   $proxy_add_x_forwarded_for;
    proxy_set_header        X-Forwarded-Proto https;
    proxy_ssl_server_name   on;
    proxy_ssl_verify        on;
    proxy_ssl_verify_depth  4;
    proxy_ssl_protocols     TLSv1.2 TLSv1.3;
    proxy_ssl_trusted_certificate ${files.trust};

${[...routes.map((route) => location(plan, route)), rest(plan, otherwise(phase))].join('\n')}}
`;
}

function location(plan: RedirectPlan, { match, path, to, why }: Route): string {
  // ^~ keeps regular expressions of other files from being tried.
  return block(`    # ${why}\n    location ${match === 'exact' ? '=' : '^~'} ${path}`, lines(plan, to, path));
}

function rest(plan: RedirectPlan, to: Route['to']): string {
  return block('    # Everything else.\n    location /', lines(plan, to, '/'));
}

function lines(plan: RedirectPlan, to: Route['to'], path: string): string[] {
  if (to.kind === 'refuse')
    return to.status === 503
      ? [`add_header Retry-After ${RETRY_AFTER} always;`, 'return 503;']
      : [`return ${to.status};`];
  if (to.kind === 'old') return through(plan.old, plan.old.prefix === '' ? '' : plan.old.prefix + path);
  const target = plan.fleet.prefix + to.path;
  if (plan.mode === 'redirect') return [`return 307 ${addressOf(plan.fleet)}${target}$is_args$args;`];
  return through(plan.fleet, target);
}

/** With a path in proxy_pass the whole path is replaced; the query goes along. */
function through(backend: Backend, path: string): string[] {
  const headers = [
    `proxy_set_header  Host ${hostHeaderOf(backend)};`,
    // A location that sets one header loses those of the server.
    'proxy_set_header  X-Forwarded-For   $proxy_add_x_forwarded_for;',
    'proxy_set_header  X-Forwarded-Proto https;',
  ];
  const name = backend.secure && !isAddress(backend.host) ? [`proxy_ssl_name    ${backend.host};`] : [];
  return [...headers, ...name, `proxy_pass        ${addressOf(backend)}${path};`];
}

function block(head: string, body: readonly string[]): string {
  return `${head} {\n${body.map((line) => `        ${line}\n`).join('')}    }\n`;
}
