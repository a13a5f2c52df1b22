/** The page as it is served: a nonce for styles that is new each time, and a policy without anything inline. */
import './home';
import { beforeAll, expect, it } from 'vitest';
import { servePage, isPageUrl } from '../../src/main/page-protocol';
import { session } from '../shell/electron';

beforeAll(() => {
  servePage();
});

function policyOf(response: Response): Map<string, string> {
  const text = response.headers.get('Content-Security-Policy') ?? '';
  return new Map(text.split('; ').map((part) => [part.split(' ')[0] ?? '', part.split(' ').slice(1).join(' ')]));
}

it('gives each load its own nonce, in policy and page alike', async () => {
  const nonces: string[] = [];
  for (let load = 0; load < 3; load += 1) {
    const response = await session.defaultSession.fetch('app://slipway/index.html');
    const html = await response.text();
    const nonce = /<meta name="style-nonce" content="([A-Za-z0-9_-]{24})" \/>/.exec(html)?.[1] ?? '';
    expect(html.indexOf('style-nonce')).toBeLessThan(html.indexOf('<script'));
    expect(policyOf(response).get('style-src')).toBe(`'self' 'nonce-${nonce}'`);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    nonces.push(nonce);
  }
  expect(new Set(nonces).size).toBe(3);
});

it('allows nothing inline, nothing from outside and no connection', async () => {
  const policy = policyOf(await session.defaultSession.fetch('app://slipway/index.html'));
  expect(policy.get('default-src')).toBe("'none'");
  expect(policy.get('script-src')).toBe("'self'");
  expect(policy.get('connect-src')).toBe("'none'");
  expect([...policy.values()].join(' ')).not.toMatch(/unsafe|https?:|\*/);
});

it('serves nothing outside the page’s folder', async () => {
  for (const path of ['..%2f..%2fpackage.json', '%2e%2e/main/index.ts', 'main.tsx', 'nothing.html']) {
    const { status } = await session.defaultSession.fetch(`app://slipway/${path}`);
    expect(status).toBe(404);
  }
  expect(isPageUrl('app://slipway@evil.example/')).toBe(false);
});
