/**
 * Configurations of load balancers: those Debian ships are run for real, between a device and two servers that remember
 * what reached them; the others are checked against the documented shape.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { parse, parseDocument } from 'yaml';
import { z } from 'zod';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BALANCERS, configureRedirects } from '../../../src/core/cutover/redirects';
import { planRedirects, type RedirectMode, type RedirectWish } from '../../../src/core/cutover/redirects/route';
import { FailureError } from '../../../src/core/failure';
import { missing, RunningBalancer, type BalancerName } from '../../servers/balancer';
import { freePort } from '../../servers/haproxy';
import { Recorder } from '../../servers/recorder';
import { OpensslBench } from '../inspector/openssl-bench';

const HOST = 'mdm.example.com';
const bench = new OpensslBench();
let fleet: Recorder;
let old: Recorder;

beforeAll(async () => {
  for (const key of ['ca', 'leaf']) bench.sh(`ecparam -name prime256v1 -genkey -noout -out ${key}.key`);
  bench.selfSigned('ca', 'ca.key', '/CN=Test CA', 30, ['basicConstraints=critical,CA:TRUE']);
  bench.issue('edge', 'leaf.key', `/CN=${HOST}`, 'ca', 'ca.key', `subjectAltName=DNS:${HOST}`);
  bench.issue('inner', 'leaf.key', '/CN=localhost', 'ca', 'ca.key', 'subjectAltName=DNS:localhost');
  // HAProxy wants certificate and key in one file.
  bench.write('edge-both.pem', Buffer.concat([bench.read('edge.pem'), bench.read('leaf.key')]));
  const tls = { key: bench.read('leaf.key'), cert: bench.read('inner.pem') };
  fleet = await new Recorder('fleet', tls).listen();
  old = await new Recorder('old', tls).listen();
});
afterAll(async () => {
  await fleet.close();
  await old.close();
  bench.close();
});

interface Answer {
  readonly status: number;
  readonly from: string;
  readonly headers: Record<string, unknown>;
}

function ask(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      host: '127.0.0.1',
      port,
      servername: HOST,
      ca: [bench.read('ca.pem')],
      agent: false,
      method,
      path,
      headers: { Host: `${HOST}:${port}`, ...headers, ...(body ? { 'Content-Length': String(body.length) } : {}) },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          from: String(response.headers['x-upstream'] ?? ''),
          headers: response.headers,
        }),
      );
    });
    request.end(body);
  });
}

const wish = (port: number, more: Partial<RedirectWish> = {}): Omit<RedirectWish, 'mode'> => ({
  oldServer: 'micromdm',
  oldHost: HOST,
  oldUrl: `https://localhost:${old.port}`,
  fleetUrl: `https://localhost:${fleet.port}`,
  phase: 'cutover',
  port,
  files: {
    certificate: bench.path('edge.pem'),
    key: bench.path('leaf.key'),
    trust: bench.path('ca.pem'),
  },
  ...more,
});

const names: BalancerName[] = ['haproxy', 'nginx', 'apache', 'caddy'];
const absent = new Map(await Promise.all(names.map(async (name) => [name, await missing(name)] as const)));

describe.each(names)('%s, run for real', (name) => {
  let running: RunningBalancer;
  let port = 0;

  const start = async (mode: RedirectMode, more: Partial<RedirectWish> = {}): Promise<void> => {
    port = await freePort();
    const made = wish(port, more);
    const files = name === 'haproxy' ? { ...made.files, certificate: bench.path('edge-both.pem') } : made.files;
    const { text } = configureRedirects(name, { ...made, ...(files === undefined ? {} : { files }), mode });
    await running.start(name, text, port);
  };

  beforeEach(() => {
    running = new RunningBalancer();
    fleet.arrived.length = 0;
    old.arrived.length = 0;
  });
  afterEach(async ({ task }) => {
    // What the server itself said of it is the first thing one asks.
    if (task.result?.state === 'fail') console.error(running.said);
    await running.stop();
  });

  it.skipIf(absent.get(name))('passes device requests on under Fleet’s path, untouched', async () => {
    await start('rewrite');
    const signature = randomBytes(9 * 1024).toString('base64');
    const body = randomBytes(1_048_576);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const put = (path: string, type: string): Promise<Answer> =>
      ask(port, 'PUT', path, { 'Content-Type': type, 'Mdm-Signature': signature }, body);
    const checkin = 'application/x-apple-aspen-mdm-checkin';
    const plain = 'application/xml; charset=UTF-8';
    for (const [path, type] of [
      ['/mdm/connect', plain],
      ['/mdm/checkin', checkin],
      ['/mdm/apple/mdm', checkin],
      ['/mdm/connect?tenant=a%2Fb&x=1', plain],
    ] as const) {
      const answer = await put(path, type);
      expect([answer.status, answer.from], path).toEqual([200, 'fleet']);
      const arrived = fleet.arrived.at(-1);
      expect(arrived, path).toMatchObject({ method: 'PUT', size: body.length, sha256 });
      expect(arrived?.path).toBe(`/mdm/apple/mdm${path.includes('?') ? path.slice(path.indexOf('?')) : ''}`);
      expect(arrived?.headers['mdm-signature']).toBe(signature);
      expect(arrived?.headers['content-type']).toBe(type);
      expect(arrived?.headers.host).toBe(`localhost:${fleet.port}`);
    }
    for (const [method, path] of [
      ['GET', '/scep?operation=GetCACert&message=a%2Bb%3D'],
      ['POST', '/scep?operation=PKIOperation'],
      ['GET', '/mdm/apple/scep?operation=GetCACaps'],
    ] as const) {
      const message = method === 'POST' ? randomBytes(4000) : undefined;
      expect((await ask(port, method, path, {}, message)).from, path).toBe('fleet');
      expect(fleet.arrived.at(-1)).toMatchObject({
        method,
        path: `/mdm/apple/scep${path.slice(path.indexOf('?'))}`,
        size: message?.length ?? 0,
      });
    }
    expect(old.arrived).toEqual([]);
  });

  it.skipIf(absent.get(name))('leaves the rest to the old server, and lets nobody enroll', async () => {
    await start('rewrite');
    for (const path of ['/mdm/enroll', '/ota/enroll', '/ota/phase23']) {
      const answer = await ask(port, 'GET', path);
      expect([answer.status, answer.headers['retry-after']], path).toEqual([503, '3600']);
    }
    for (const path of [
      '/repo/agent.pkg',
      '/v1/devices',
      '/push/ABC',
      '/boltbackup',
      '/version',
      '/',
      '/mdm/connect2',
      '/scepter',
    ]) {
      expect((await ask(port, 'GET', path)).from, path).toBe('old');
      expect(old.arrived.at(-1)).toMatchObject({ method: 'GET', path });
    }
    expect(old.arrived.at(-1)?.headers.host).toBe(`localhost:${old.port}`);
    expect(fleet.arrived).toEqual([]);
  });

  it.skipIf(absent.get(name))('answers 410 for what was the old server’s once it is gone', async () => {
    await start('rewrite', { phase: 'retired', fleetUrl: `https://localhost:${fleet.port}/prefix` });
    for (const path of ['/mdm/enroll', '/ota/enroll', '/repo/agent.pkg', '/v1/devices', '/boltbackup'])
      expect((await ask(port, 'GET', path)).status, path).toBe(410);
    expect((await ask(port, 'GET', '/anything')).status).toBe(404);
    expect((await ask(port, 'PUT', '/mdm/checkin', {}, Buffer.from('x'))).from).toBe('fleet');
    expect(fleet.arrived.at(-1)?.path).toBe('/prefix/mdm/apple/mdm');
    expect(old.arrived).toEqual([]);
  });

  it.skipIf(absent.get(name))('redirects with 307, so that method, body and query survive', async () => {
    await start('redirect');
    const body = randomBytes(1_048_576);
    const signature = randomBytes(9 * 1024).toString('base64');
    for (const [method, path, target] of [
      ['PUT', '/mdm/connect', '/mdm/apple/mdm'],
      ['PUT', '/mdm/checkin', '/mdm/apple/mdm'],
      ['POST', '/scep?operation=PKIOperation', '/mdm/apple/scep?operation=PKIOperation'],
      ['GET', '/scep?operation=GetCACert', '/mdm/apple/scep?operation=GetCACert'],
    ] as const) {
      const answer = await ask(port, method, path, { 'Mdm-Signature': signature }, method === 'GET' ? undefined : body);
      expect([answer.status, answer.headers['location']], path).toEqual([
        307,
        `https://localhost:${fleet.port}${target}`,
      ]);
    }
    expect((await ask(port, 'GET', '/repo/agent.pkg')).from).toBe('old');
    expect(fleet.arrived).toEqual([]);
  });

  it.skipIf(absent.get(name))('knows NanoMDM’s paths, and servers below a path', async () => {
    // One path for both behind a prefix, and certificates from a server under another name.
    await start('rewrite', {
      oldServer: 'nanomdm',
      oldUrl: `https://localhost:${old.port}/inner`,
      paths: { connect: '/nano/mdm', checkIn: '/nano/mdm', scep: null },
    });
    expect((await ask(port, 'PUT', '/nano/mdm?site=a%2Fb', {}, Buffer.from('x'))).from).toBe('fleet');
    expect(fleet.arrived.at(-1)?.path).toBe('/mdm/apple/mdm?site=a%2Fb');
    for (const path of ['/mdm', '/checkin', '/nano/mdm2', '/scep?operation=GetCACert']) {
      expect((await ask(port, 'GET', path)).from, path).toBe('old');
      expect(old.arrived.at(-1)?.path).toBe(`/inner${path}`);
    }
    expect((await ask(port, 'PUT', '/migration', {}, Buffer.from('x'))).status).toBe(503);
    expect((await ask(port, 'GET', '/v1/pushcert?topic=a')).from).toBe('old');
    expect(old.arrived.at(-1)?.path).toBe('/inner/v1/pushcert?topic=a');
  });
});

describe('the paths of NanoMDM', () => {
  const routes = (more: Partial<RedirectWish>): Record<string, string> =>
    Object.fromEntries(
      planRedirects({ ...wish(443), mode: 'rewrite', oldServer: 'nanomdm', ...more }).routes.map(({ path, to }) => [
        path,
        to.kind === 'refuse' ? String(to.status) : to.kind === 'fleet' ? to.path : to.kind,
      ]),
    );

  it('are its own where no profile says otherwise', () => {
    expect(routes({})).toEqual({
      '/mdm': '/mdm/apple/mdm',
      '/checkin': '/mdm/apple/mdm',
      '/scep': '/mdm/apple/scep',
      '/mdm/apple/mdm': '/mdm/apple/mdm',
      '/mdm/apple/scep': '/mdm/apple/scep',
      '/migration': '503',
      '/v1/': 'old',
      '/version': 'old',
    });
    expect(routes({ phase: 'retired' })).toMatchObject({ '/migration': '410', '/v1/': '410', '/version': '410' });
  });

  it('go into every balancer’s configuration, and only they', () => {
    for (const { name, modes } of BALANCERS)
      for (const mode of modes) {
        const { text, plan } = configureRedirects(name, {
          ...wish(443),
          mode,
          oldServer: 'nanomdm',
          oldUrl: 'https://old.internal.example.com:8443',
          fleetUrl: 'https://fleet.example.com',
          files: {},
          paths: { connect: '/nano/mdm', checkIn: '/nano/checkin', scep: null },
        });
        expect(plan.routes.filter(({ to }) => to.kind === 'fleet').map(({ path }) => path)).toEqual([
          '/nano/mdm',
          '/nano/checkin',
          '/mdm/apple/mdm',
          '/mdm/apple/scep',
        ]);
        for (const path of ['/nano/mdm', '/nano/checkin'])
          expect(text.replaceAll('\\', ''), `${name} ${mode}`).toContain(path);
        // MicroMDM's own paths, and a certificate server that is elsewhere, are no matter of this name.
        expect(text.replaceAll('\\', ''), `${name} ${mode}`).not.toMatch(
          /mdm\/connect|mdm\/enroll|boltbackup|[^e]\/scep/,
        );
      }
  });

  it('leave a server nobody knows what is its own', () => {
    expect(routes({ oldServer: 'other', paths: { connect: '/a/b', checkIn: '/a/c', scep: '/ca' } })).toEqual({
      '/a/b': '/mdm/apple/mdm',
      '/a/c': '/mdm/apple/mdm',
      '/ca': '/mdm/apple/scep',
      '/mdm/apple/mdm': '/mdm/apple/mdm',
      '/mdm/apple/scep': '/mdm/apple/scep',
    });
  });
});

describe('what is not run here', () => {
  const written = (name: string, more: Partial<RedirectWish> = {}): string =>
    configureRedirects(name, {
      ...wish(443),
      oldUrl: 'https://old.internal.example.com:8443',
      fleetUrl: 'https://fleet.example.com',
      files: {},
      ...more,
    }).text;
  const modesOf = (name: string): readonly RedirectMode[] => BALANCERS.find((one) => one.name === name)?.modes ?? [];
  const text = z.string().min(1);

  it.each(modesOf('traefik'))('Traefik’s file has the documented shape (%s)', (mode) => {
    const yaml = written('traefik', { mode });
    const document = parseDocument(yaml);
    expect(document.errors).toEqual([]);
    const root = document.toJS() as {
      http: {
        routers: Record<string, { rule: string; priority: number; middlewares?: string[]; service: string }>;
        middlewares: Record<string, object>;
        services: Record<string, { loadBalancer: { serversTransport?: string } }>;
        serversTransports: Record<string, object>;
      };
    };
    const shape = z.strictObject({
      http: z.strictObject({
        routers: z.record(
          text,
          z.strictObject({
            entryPoints: z.array(text),
            rule: text,
            priority: z.int(),
            middlewares: z.array(text).optional(),
            service: text,
            tls: z.strictObject({}),
          }),
        ),
        middlewares: z.record(
          text,
          z.union([
            z.strictObject({ replacePath: z.strictObject({ path: text }) }),
            z.strictObject({
              redirectRegex: z.strictObject({ regex: text, replacement: text, permanent: z.boolean() }),
            }),
          ]),
        ),
        services: z.record(
          text,
          z.strictObject({
            loadBalancer: z.strictObject({
              passHostHeader: z.boolean().optional(),
              servers: z.array(z.strictObject({ url: z.url() })),
              serversTransport: text.optional(),
            }),
          }),
        ),
        serversTransports: z.record(
          text,
          z.strictObject({
            rootCAs: z.array(text).optional(),
            serverName: text.optional(),
            forwardingTimeouts: z.strictObject({ dialTimeout: text }),
          }),
        ),
      }),
      tls: z.strictObject({ certificates: z.array(z.strictObject({ certFile: text, keyFile: text })) }),
    });
    expect(shape.safeParse(root).error?.message).toBeUndefined();
    // Whatever is named is there.
    for (const { service, middlewares = [], rule } of Object.values(root.http.routers)) {
      expect(Object.keys(root.http.services)).toContain(service);
      for (const one of middlewares) expect(Object.keys(root.http.middlewares)).toContain(one);
      expect(rule).toMatch(/^Host\(`mdm\.example\.com`\)/);
    }
    for (const { loadBalancer } of Object.values(root.http.services))
      if (loadBalancer.serversTransport !== undefined)
        expect(Object.keys(root.http.serversTransports)).toContain(loadBalancer.serversTransport);
    // Its redirect's expression, as any engine reads it.
    for (const middleware of Object.values(root.http.middlewares)) {
      const { redirectRegex } = middleware as { redirectRegex?: { regex: string; replacement: string } };
      if (redirectRegex === undefined) continue;
      const replaced = 'https://mdm.example.com/scep?operation=GetCACert'.replace(
        new RegExp(redirectRegex.regex),
        redirectRegex.replacement.replace('${1}', '$1'),
      );
      expect(replaced).toMatch(/^https:\/\/fleet\.example\.com\/mdm\/apple\/(mdm|scep)\?operation=GetCACert$/);
    }
  });

  it.each(modesOf('envoy'))('Envoy’s routes come in order, and clusters are there (%s)', (mode) => {
    const yaml = written('envoy', { mode });
    expect(parseDocument(yaml).errors).toEqual([]);
    interface EnvoyRoute {
      readonly match: { readonly path?: string; readonly prefix?: string };
      readonly route?: {
        readonly cluster: string;
        readonly prefix_rewrite?: string;
        readonly host_rewrite_literal: string;
      };
      readonly redirect?: {
        readonly host_redirect: string;
        readonly path_redirect: string;
        readonly response_code: string;
      };
      readonly direct_response?: { readonly status: number };
    }
    const root = parse(yaml) as {
      static_resources: {
        listeners: {
          filter_chains: {
            filters: { typed_config: { route_config: { virtual_hosts: { routes: EnvoyRoute[] }[] } } }[];
          }[];
        }[];
        clusters: { name: string }[];
      };
    };
    const routes =
      root.static_resources.listeners[0]?.filter_chains[0]?.filters[0]?.typed_config.route_config.virtual_hosts[0]
        ?.routes ?? [];
    const first = (path: string): EnvoyRoute | undefined =>
      routes.find(({ match }) =>
        match.path === undefined ? path.startsWith(match.prefix ?? '\0') : match.path === path,
      );
    const clusters = root.static_resources.clusters.map(({ name }) => name);
    expect(clusters).toEqual(['fleet', 'old']);
    for (const path of ['/mdm/connect', '/mdm/checkin', '/mdm/apple/mdm']) {
      const found = first(path);
      if (mode === 'rewrite')
        expect(found?.route, path).toMatchObject({
          cluster: 'fleet',
          prefix_rewrite: '/mdm/apple/mdm',
          host_rewrite_literal: 'fleet.example.com',
        });
      else
        expect(found?.redirect, path).toMatchObject({
          host_redirect: 'fleet.example.com',
          path_redirect: '/mdm/apple/mdm',
          response_code: 'TEMPORARY_REDIRECT',
        });
    }
    expect(first('/mdm/enroll')?.direct_response).toEqual({ status: 503 });
    expect(first('/repo/x')?.route).toMatchObject({
      cluster: 'old',
      host_rewrite_literal: 'old.internal.example.com:8443',
    });
    expect(first('/anything')?.route?.cluster).toBe('old');
  });

  it('an ALB forwards with a transform, within its limits, and never redirects', () => {
    interface AlbRule {
      readonly Priority: number;
      readonly Conditions: { readonly PathPatternConfig?: { readonly Values: string[] } }[];
      readonly Actions: {
        readonly Type: string;
        readonly TargetGroupArn?: string;
        readonly FixedResponseConfig?: { readonly StatusCode: string };
      }[];
      readonly Transforms?: {
        readonly Type: string;
        readonly UrlRewriteConfig?: { readonly Rewrites: { readonly Regex: string; readonly Replace: string }[] };
      }[];
    }
    const json = written('aws-alb');
    expect(json).not.toMatch(/"redirect"/);
    const rules = JSON.parse(json) as AlbRule[];
    expect(rules.map(({ Priority }) => Priority)).toEqual(rules.map((_, index) => index + 1));
    const shape = z.array(
      z.strictObject({
        ListenerArn: text,
        Priority: z.int().min(1).max(50_000),
        Conditions: z.array(z.object({ Field: z.enum(['host-header', 'path-pattern']) })).max(5),
        Actions: z.array(z.object({ Type: z.enum(['forward', 'fixed-response']) })).length(1),
        Transforms: z
          .array(z.object({ Type: z.enum(['host-header-rewrite', 'url-rewrite']) }))
          .max(2)
          .optional(),
      }),
    );
    expect(shape.safeParse(rules).error?.message).toBeUndefined();
    const matches = (pattern: string, path: string): boolean =>
      new RegExp(`^${pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(path);
    const first = (path: string): AlbRule | undefined =>
      rules.find(({ Conditions }) =>
        Conditions.some((one) => one.PathPatternConfig?.Values.some((pattern) => matches(pattern, path))),
      );
    const rewritten = (path: string): string => {
      const [rewrite] = first(path)?.Transforms?.flatMap((one) => one.UrlRewriteConfig?.Rewrites ?? []) ?? [];
      return rewrite === undefined ? path : path.replace(new RegExp(rewrite.Regex), rewrite.Replace);
    };
    for (const [path, target] of [
      ['/mdm/connect', '/mdm/apple/mdm'],
      ['/mdm/checkin', '/mdm/apple/mdm'],
      ['/scep', '/mdm/apple/scep'],
    ] as const) {
      expect(first(path)?.Actions[0]).toEqual({ Type: 'forward', TargetGroupArn: 'FLEET_TARGET_GROUP' });
      expect(rewritten(path)).toBe(target);
    }
    const [scep] = first('/scep')?.Transforms?.flatMap((one) => one.UrlRewriteConfig?.Rewrites ?? []) ?? [];
    expect('/scep?operation=GetCACert'.replace(new RegExp(scep?.Regex ?? ''), scep?.Replace ?? '')).toBe(
      '/mdm/apple/scep?operation=GetCACert',
    );
    expect(first('/mdm/enroll')?.Actions[0]?.FixedResponseConfig?.StatusCode).toBe('503');
    expect(first('/elsewhere')?.Actions[0]?.TargetGroupArn).toBe('OLD_TARGET_GROUP');
    // Terraform says the same, rule by rule.
    const terraform = written('aws-alb-terraform');
    expect(terraform.match(/^resource "aws_lb_listener_rule"/gm)).toHaveLength(rules.length);
    expect(terraform).not.toMatch(/type = "redirect"|\$\{|%\{/);
  });

  it('Cloudflare redirects with 307 and keeps the query', () => {
    const { rules } = JSON.parse(written('cloudflare')) as {
      rules: {
        expression: string;
        action: string;
        action_parameters: {
          from_value: { target_url: { value: string }; status_code: number; preserve_query_string: boolean };
        };
      }[];
    };
    expect(rules.map(({ action }) => action)).toEqual(['redirect', 'redirect']);
    for (const { action_parameters } of rules)
      expect(action_parameters.from_value).toMatchObject({ status_code: 307, preserve_query_string: true });
    expect(rules[0]?.expression).toBe(
      'http.host eq "mdm.example.com" and http.request.uri.path in {"/mdm/connect" "/mdm/checkin" "/mdm/apple/mdm"}',
    );
  });

  it('the Worker passes requests on as they came', async () => {
    const code = written('cloudflare-worker', { oldUrl: 'https://old.internal.example.com/inner' });
    const worker = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      default: { fetch: (request: Request) => Promise<Response> };
    };
    const sent: { url: string; method: string; signature: string | null; body: string }[] = [];
    const real = globalThis.fetch;
    globalThis.fetch = async (input) => {
      const request = input as Request;
      sent.push({
        url: request.url,
        method: request.method,
        signature: request.headers.get('Mdm-Signature'),
        body: await request.text(),
      });
      return new Response('there', { status: 200 });
    };
    try {
      const put = { method: 'PUT', headers: { 'Mdm-Signature': 'abc' }, body: 'message' };
      expect((await worker.default.fetch(new Request(`https://${HOST}/mdm/connect?a=1`, put))).status).toBe(200);
      expect((await worker.default.fetch(new Request(`https://${HOST}/repo/x`))).status).toBe(200);
      const frozen = await worker.default.fetch(new Request(`https://${HOST}/mdm/enroll`));
      expect([frozen.status, frozen.headers.get('Retry-After')]).toEqual([503, '3600']);
    } finally {
      globalThis.fetch = real;
    }
    expect(sent).toEqual([
      { url: 'https://fleet.example.com/mdm/apple/mdm?a=1', method: 'PUT', signature: 'abc', body: 'message' },
      { url: 'https://old.internal.example.com/inner/repo/x', method: 'GET', signature: null, body: '' },
    ]);
  });
});

describe('what is refused', () => {
  const plan = (more: Partial<RedirectWish>): unknown => {
    try {
      planRedirects({
        oldServer: 'micromdm',
        oldHost: HOST,
        oldUrl: 'https://old.internal',
        fleetUrl: 'https://fleet.example.com',
        mode: 'rewrite',
        phase: 'cutover',
        ...more,
      });
      return null;
    } catch (error) {
      return error instanceof FailureError ? error.failure.code : error;
    }
  };

  it.each([
    ['a host with a blank', { oldHost: 'mdm example.com' }, 'usage/redirect-host'],
    ['a host with a brace', { oldHost: 'mdm.example.com{' }, 'usage/redirect-host'],
    ['an address as the old name', { oldHost: '192.0.2.1' }, 'usage/redirect-host'],
    ['a password in a URL', { oldUrl: 'https://u:p@old.internal' }, 'usage/redirect-url'],
    ['a query in a URL', { fleetUrl: 'https://fleet.example.com/?a' }, 'usage/redirect-url'],
    ['another scheme', { fleetUrl: 'ftp://fleet.example.com' }, 'usage/redirect-url'],
    ['a prefix that is code', { fleetUrl: 'https://fleet.example.com/$(x)' }, 'usage/redirect-url'],
    ['a path that is code', { paths: { connect: '/mdm;return' } }, 'usage/redirect-path'],
    ['a path upwards', { paths: { scep: '/../scep' } }, 'usage/redirect-path'],
    ['a file that is code', { files: { trust: '/etc/x;y' } }, 'usage/redirect-file'],
    ['a circle', { fleetUrl: `https://${HOST}` }, 'usage/redirect-loop'],
    ['a circle to the old server', { oldUrl: `https://${HOST}` }, 'usage/redirect-loop'],
  ] as const)('%s', (_, more, code) => {
    expect(plan(more)).toBe(code);
  });

  it('a balancer nobody knows, and a way it has not', () => {
    const code = (name: string, mode: RedirectMode): unknown => {
      try {
        configureRedirects(name, { ...wish(443), mode });
        return null;
      } catch (error) {
        return error instanceof FailureError ? error.failure.code : error;
      }
    };
    expect(code('iptables', 'rewrite')).toBe('usage/balancer');
    expect(code('aws-alb', 'redirect')).toBe('redirect/mode');
    expect(code('cloudflare', 'rewrite')).toBe('redirect/mode');
  });
});
