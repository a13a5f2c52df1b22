/** HAProxy after the last wave: by path alone, since every device belongs to Fleet. */
import { heading, HEADER_BYTES, RETRY_AFTER, type Balancer } from './balancer';
import { addressOf, hostHeaderOf, isAddress, otherwise, type Backend, type RedirectPlan, type Route } from './route';

export const HAPROXY: Balancer = {
  name: 'haproxy',
  title: 'HAProxy',
  ending: 'cfg',
  modes: ['rewrite', 'redirect'],
  proof: 'run',
  notes: [
    'This is the configuration for all devices at once. Moving them a few at a time has a configuration of its own.',
    'HAProxy wants certificate chain and key in one file.',
    'Check it with `haproxy -c -f haproxy.cfg`, then reload.',
  ],
  write,
};

function write(plan: RedirectPlan): string {
  const { host, port, files, routes, phase, mode } = plan;
  const other = otherwise(phase);
  const needsOld = other.kind === 'old' || routes.some(({ to }) => to.kind === 'old');
  return `${heading(plan, 'HAProxy', '#')}

global
    # Mdm-Signature is one header of up to 12 KB; all of a request’s headers must fit into half of a buffer.
    tune.bufsize ${HEADER_BYTES * 2}
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-server-options ssl-min-ver TLSv1.2
    log stdout format raw local0

defaults
    mode http
    log global
    option httplog
    # A command must not be fetched twice: a failed request is the device’s to repeat.
    retries 0
    timeout connect 10s
    timeout client  60s
    timeout server  60s
    timeout http-request 60s

frontend devices
    bind :${port} ssl crt ${files.certificate} alpn h2,http/1.1
    http-request deny deny_status 404 if !{ hdr(host),field(1,:) -i ${host} }
    http-request set-header X-Forwarded-Proto https
    option forwardfor
    # As the device sent it: the rules below may change the path.
    http-request set-var(txn.path) path

${routes.map((route) => rules(plan, route)).join('\n')}
    # Everything else.
${other.kind === 'old' ? '' : `    http-request return status ${other.status} unless { var(txn.fleet) -m bool }\n`}    use_backend fleet if { var(txn.fleet) -m bool }
    default_backend ${other.kind === 'old' ? 'old' : 'fleet'}

${mode === 'redirect' && other.kind !== 'old' ? '# Nothing is passed on; HAProxy wants a backend to exist.\n' : ''}${backend('fleet', plan.fleet, files.trust)}${needsOld ? `\n${backend('old', plan.old, files.trust)}` : ''}`;
}

function rules(plan: RedirectPlan, { match, path, to, why }: Route): string {
  const test = `{ var(txn.path) -m ${match === 'exact' ? 'str' : 'beg'} ${path} }`;
  const head = `    # ${why}\n`;
  if (to.kind === 'refuse') {
    const retry = to.status === 503 ? ` hdr Retry-After ${RETRY_AFTER}` : '';
    return `${head}    http-request return status ${to.status}${retry} if ${test}\n`;
  }
  if (to.kind === 'old') return `${head}    use_backend old if ${test}\n`;
  const target = plan.fleet.prefix + to.path;
  if (plan.mode === 'redirect')
    return (
      `${head}    http-request redirect code 307 location ${addressOf(plan.fleet)}${target}?%[query] if ${test} { query -m found } { query -m len gt 0 }\n` +
      `    http-request redirect code 307 location ${addressOf(plan.fleet)}${target} if ${test}\n`
    );
  return (
    `${head}    http-request set-var(txn.fleet) bool(true) if ${test}\n` +
    (path === target ? '' : `    http-request set-path ${target} if ${test}\n`)
  );
}

function backend(name: string, server: Backend, trust: string): string {
  const { host, port, secure, prefix } = server;
  const tls = secure
    ? ` ssl verify required ca-file ${trust}${isAddress(host) ? '' : ` sni str(${host}) verifyhost ${host}`}`
    : '';
  return `backend ${name}
    http-request set-header Host ${hostHeaderOf(server)}
${name === 'old' && prefix !== '' ? `    http-request set-path ${prefix}%[path]\n` : ''}    server ${name} ${host}:${port}${tls}
`;
}
