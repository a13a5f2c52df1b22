/** Apache httpd 2.4: one virtual host. */
import { BODY_BYTES, heading, HEADER_BYTES, RETRY_AFTER, type Balancer } from './balancer';
import { addressOf, otherwise, type Backend, type RedirectPlan, type Route } from './route';

export const APACHE: Balancer = {
  name: 'apache',
  title: 'Apache httpd',
  ending: 'conf',
  modes: ['rewrite', 'redirect'],
  proof: 'run',
  notes: [
    'It needs the modules ssl, proxy, proxy_http, headers, alias and rewrite: `a2enmod ssl proxy proxy_http headers rewrite`.',
    'Check it with `apachectl configtest`, then `apachectl graceful`.',
    'Where another virtual host of the same address comes first, the header limits must stand there too: Apache takes them from the first.',
  ],
  write,
};

function write(plan: RedirectPlan): string {
  const { host, port, files, routes, phase } = plan;
  return `${heading(plan, 'Apache httpd', '#')}

# Mdm-Signature is one header of up to 12 KB; Apache’s own limit is 8 KB and it would answer 400.
LimitRequestFieldSize ${HEADER_BYTES}

<VirtualHost *:${port}>
    ServerName ${host}

    SSLEngine on
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLCertificateFile    ${files.certificate}
    SSLCertificateKeyFile ${files.key}

    LimitRequestFieldSize ${HEADER_BYTES}
    LimitRequestBody ${BODY_BYTES}

    SSLProxyEngine on
    SSLProxyProtocol -all +TLSv1.2 +TLSv1.3
    SSLProxyVerify require
    SSLProxyVerifyDepth 4
    SSLProxyCheckPeerName on
    SSLProxyCACertificateFile ${files.trust}

    ProxyRequests Off
    ProxyPreserveHost Off
    ProxyTimeout 60
    RequestHeader set X-Forwarded-Proto https

    RewriteEngine On
    # A path is passed on as it came.
    AllowEncodedSlashes NoDecode

${[...routes.map((route) => rule(plan, route)), `    # Everything else.\n${line(plan, '^/', otherwise(phase), '/', true)}`].join('\n')}</VirtualHost>
`;
}

function rule(plan: RedirectPlan, { match, path, to, why }: Route): string {
  const pattern = `^${path.replaceAll('.', '\\.')}${match === 'exact' ? '$' : ''}`;
  return `    # ${why}\n${line(plan, pattern, to, path, match === 'prefix')}`;
}

function line(plan: RedirectPlan, pattern: string, to: Route['to'], path: string, prefix: boolean): string {
  if (to.kind === 'refuse') {
    const retry =
      to.status === 503
        ? `    <LocationMatch "${pattern}">\n        Header always set Retry-After ${RETRY_AFTER}\n    </LocationMatch>\n`
        : '';
    return `${retry}    RewriteRule "${pattern}" - [R=${to.status},L]\n`;
  }
  if (to.kind === 'old') return proxied(plan.old, pattern, plan.old.prefix + path, prefix);
  const target = plan.fleet.prefix + to.path;
  // RedirectMatch and the rewriting engine both keep the query.
  if (plan.mode === 'redirect') return `    RewriteRule "${pattern}" "${addressOf(plan.fleet)}${target}" [R=307,L]\n`;
  return proxied(plan.fleet, pattern, target, false);
}

/** [P] passes on what the rule made, query included; the connection is configured by its <Proxy>. */
function proxied(backend: Backend, pattern: string, path: string, prefix: boolean): string {
  return prefix
    ? `    RewriteRule "${pattern}(.*)$" "${addressOf(backend)}${path}$1" [P,L]\n`
    : `    RewriteRule "${pattern}" "${addressOf(backend)}${path}" [P,L]\n`;
}
