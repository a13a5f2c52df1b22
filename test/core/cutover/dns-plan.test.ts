/** What is set in DNS, and when. */
import { describe, expect, it } from 'vitest';
import { planDns, zoneLine, type DnsWish } from '../../../src/core/cutover/dns/dns-plan';
import { printServer, readServer } from '../../../src/core/cutover/dns/dns-client';
import { FailureError } from '../../../src/core/failure';

const wish = (more: Partial<DnsWish> = {}): DnsWish => ({
  oldHost: 'mdm.example.com',
  targets: ['lb.example.net'],
  ttl: null,
  at: null,
  ...more,
});
const lines = (more: Partial<DnsWish> = {}): string[] => planDns(wish(more)).records.map(zoneLine);
const code = (more: Partial<DnsWish>): unknown => {
  try {
    planDns(wish(more));
    return null;
  } catch (error) {
    return error instanceof FailureError ? error.failure.code : error;
  }
};

describe('records', () => {
  it('a CNAME for a name below the zone', () => {
    expect(lines()).toEqual(['mdm.example.com. 60 IN CNAME lb.example.net.']);
    expect(lines({ oldHost: 'MDM.Example.com.', zone: 'example.com' })).toEqual([
      'mdm.example.com. 60 IN CNAME lb.example.net.',
    ]);
  });

  it('addresses of both families, at the apex too', () => {
    const targets = ['192.0.2.1', '2001:db8::1'];
    expect(lines({ oldHost: 'example.com', targets })).toEqual([
      'example.com. 60 IN A 192.0.2.1',
      'example.com. 60 IN AAAA 2001:db8::1',
    ]);
    expect(planDns(wish({ oldHost: 'mdm.example.co.uk', zone: 'mdm.example.co.uk', targets })).apex).toBe(true);
  });

  it('what the certificate authority wants, and CAA', () => {
    expect(
      lines({ issuer: 'amazon.com', validation: '_ab12.mdm.example.com=_cd34.acm-validations.aws.' }).slice(1),
    ).toEqual([
      '_ab12.mdm.example.com. 60 IN CNAME _cd34.acm-validations.aws.',
      'mdm.example.com. 3600 IN CAA 0 issue "amazon.com"',
    ]);
    expect(lines({ validation: '_acme-challenge.mdm.example.com=gfj9Xq_Rg85nM' })[1]).toBe(
      '_acme-challenge.mdm.example.com. 60 IN TXT "gfj9Xq_Rg85nM"',
    );
  });

  it.each([
    ['a CNAME at the apex', { oldHost: 'example.com' }, 'usage/dns-target'],
    ['a name that leads to itself', { targets: ['mdm.example.com'] }, 'usage/dns-target'],
    ['two names', { targets: ['a.example.net', 'b.example.net'] }, 'usage/dns-target'],
    ['a name and an address', { targets: ['a.example.net', '192.0.2.1'] }, 'usage/dns-target'],
    ['nothing', { targets: [] }, 'usage/dns-target'],
    ['a name that is none', { oldHost: 'mdm example' }, 'usage/dns-name'],
    ['an address as the old name', { oldHost: '192.0.2.1' }, 'usage/dns-name'],
    ['another zone', { zone: 'example.org' }, 'usage/dns-name'],
    ['a validation with a quote', { validation: '_a.example.com=x"y' }, 'usage/dns-validation'],
    ['a time to live that is none', { ttl: -1 }, 'usage/dns-ttl'],
  ] as const)('%s is refused', (_, more, expected) => {
    expect(code(more)).toBe(expected);
  });
});

describe('steps', () => {
  const HOUR = 3_600_000;

  it('come in order, two days around the switch', () => {
    const at = Date.parse('2026-12-04T20:00:00Z');
    const { steps } = planDns(wish({ at, ttl: 3600 }));
    expect(steps.map(({ offset }) => offset)).toEqual([...steps.map(({ offset }) => offset)].sort((x, y) => x - y));
    expect(new Date(steps[0]?.at ?? 0).toISOString()).toBe('2026-12-02T20:00:00.000Z');
    expect(steps.find(({ offset }) => offset === 0)?.at).toBe(at);
  });

  it('begin earlier where the old record lives longer', () => {
    expect(planDns(wish({ ttl: 604_800 })).steps[0]?.offset).toBe(-168 * HOUR);
    expect(planDns(wish()).steps[0]?.offset).toBe(-48 * HOUR);
  });
});

describe('a server’s address', () => {
  it.each([
    ['192.0.2.1', { address: '192.0.2.1', port: 53 }],
    ['192.0.2.1:5353', { address: '192.0.2.1', port: 5353 }],
    ['2001:db8::1', { address: '2001:db8::1', port: 53 }],
    ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353 }],
  ])('%s', (text, server) => {
    expect(readServer(text)).toEqual(server);
    expect(printServer(server)).toBe(text);
  });

  it.each(['', 'dns.example.com', '192.0.2.300', '192.0.2.1:0', '192.0.2.1:99999', '[192.0.2.1'])(
    'not «%s»',
    (text) => {
      expect(readServer(text)).toBeNull();
    },
  );
});
