/** Envoy: a whole static configuration (v3 API). */
import { heading, HEADER_BYTES, RETRY_AFTER, type Balancer } from './balancer';
import { hostHeaderOf, isAddress, otherwise, type Backend, type RedirectPlan, type Route } from './route';

export const ENVOY: Balancer = {
  name: 'envoy',
  title: 'Envoy',
  ending: 'yml',
  modes: ['rewrite', 'redirect'],
  proof: 'schema',
  notes: [
    'Check it with Envoy’s own mode `validate`.',
    'Where Envoy is fed by a control plane, take the virtual host and the clusters out of it.',
  ],
  write,
};

function write(plan: RedirectPlan): string {
  const { host, port, files, routes, phase, fleet, old } = plan;
  const usesOld = otherwise(phase).kind === 'old' || routes.some(({ to }) => to.kind === 'old');
  return `${heading(plan, 'Envoy', '#')}

static_resources:
  listeners:
    - name: devices
      address:
        socket_address: { address: 0.0.0.0, port_value: ${port} }
      filter_chains:
        - transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                alpn_protocols: ["h2", "http/1.1"]
                tls_params: { tls_minimum_protocol_version: TLSv1_2 }
                tls_certificates:
                  - certificate_chain: { filename: "${files.certificate}" }
                    private_key: { filename: "${files.key}" }
          filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: devices
                use_remote_address: true
                normalize_path: true
                # Mdm-Signature is one header of up to 12 KB; this is for all headers together.
                max_request_headers_kb: ${(HEADER_BYTES * 3) / 1024}
                http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                route_config:
                  name: devices
                  virtual_hosts:
                    - name: old-name
                      domains: ["${host}", "${host}:${port}"]
                      routes:
${[...routes.map((route) => entry(plan, route)), rest(plan)].join('')}
  clusters:
${cluster('fleet', fleet, files.trust)}${usesOld ? cluster('old', old, files.trust) : ''}`;
}

function entry(plan: RedirectPlan, { match, path, to, why }: Route): string {
  return item(why, `{ ${match === 'exact' ? 'path' : 'prefix'}: "${path}" }`, action(plan, to, path));
}

function rest(plan: RedirectPlan): string {
  return item('Everything else.', '{ prefix: "/" }', action(plan, otherwise(plan.phase), '/'));
}

function item(why: string, match: string, body: string[]): string {
  const pad = ' '.repeat(24);
  return `${pad}# ${why}\n${pad}- match: ${match}\n${body.map((line) => `${pad}  ${line}\n`).join('')}`;
}

function action(plan: RedirectPlan, to: Route['to'], path: string): string[] {
  if (to.kind === 'refuse')
    return [
      `direct_response: { status: ${to.status} }`,
      ...(to.status === 503
        ? [`response_headers_to_add: [{ header: { key: Retry-After, value: "${RETRY_AFTER}" } }]`]
        : []),
    ];
  if (to.kind === 'old') {
    const prefix = plan.old.prefix === '' ? '' : `, prefix_rewrite: "${plan.old.prefix}${path}"`;
    return [`route: { cluster: old, timeout: 60s, host_rewrite_literal: "${hostHeaderOf(plan.old)}"${prefix} }`];
  }
  const { fleet, mode } = plan;
  const target = fleet.prefix + to.path;
  if (mode === 'redirect')
    return [
      'redirect:',
      `  scheme_redirect: ${fleet.secure ? 'https' : 'http'}`,
      `  host_redirect: "${fleet.host}"`,
      `  port_redirect: ${fleet.port}`,
      `  path_redirect: "${target}"`,
      '  response_code: TEMPORARY_REDIRECT',
    ];
  // With an exact match, the prefix that is rewritten is the whole path; the query stays.
  return [
    `route: { cluster: fleet, timeout: 60s, prefix_rewrite: "${target}", host_rewrite_literal: "${hostHeaderOf(fleet)}" }`,
  ];
}

function cluster(name: string, { host, port, secure }: Backend, trust: string): string {
  const named = isAddress(host)
    ? ''
    : `
            match_typed_subject_alt_names:
              - san_type: DNS
                matcher: { exact: "${host}" }`;
  const tls = secure
    ? `      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
${isAddress(host) ? '' : `          sni: "${host}"\n`}          common_tls_context:
            tls_params: { tls_minimum_protocol_version: TLSv1_2 }
            validation_context:
              trusted_ca: { filename: "${trust}" }${named.replaceAll('\n            ', '\n              ')}
`
    : '';
  return `    - name: ${name}
      type: STRICT_DNS
      connect_timeout: 10s
      load_assignment:
        cluster_name: ${name}
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: { address: "${host}", port_value: ${port} }
${tls}`;
}
