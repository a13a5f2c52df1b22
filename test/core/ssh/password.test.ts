/** Logins by password, at a server in this process: a real one would need an account with a password. */
import { generateKeyPairSync } from 'node:crypto';
import ssh2, { type AuthContext, type Server } from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret';
import { openTunnel } from '../../../src/core/ssh';
import { failureOfAsync } from '../bolt/support';

let server: Server;
let port = 0;
let hostKey = '';
let decide: (context: AuthContext) => void;

beforeAll(async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  server = new ssh2.Server({ hostKeys: [privateKey.export({ type: 'pkcs1', format: 'pem' })] }, (client) =>
    client.on('error', () => undefined).on('authentication', (context) => decide(context)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  port = address.port;
  const unknown = await failureOfAsync(() => enter('x', false));
  hostKey = String(unknown.detail?.['fingerprint']);
});
afterAll(() => void server.close());

async function enter(password: string, confirmed = true): Promise<void> {
  const credentials = { password: new Secret('password', password), knownHosts: [] };
  const tunnel = await openTunnel(`ssh://me@127.0.0.1:${port}`, confirmed ? { ...credentials, hostKey } : credentials);
  await tunnel.close();
}

describe('a login by password', () => {
  it('goes by password where the server takes one', async () => {
    decide = (context) => {
      if (context.method === 'password' && context.password === 'open sesame') context.accept();
      else context.reject(['password']);
    };
    await enter('open sesame');
    const failure = await failureOfAsync(() => enter('hunter2'));
    expect(failure).toMatchObject({ code: 'ssh/refused-login', detail: { tried: 'password', offered: 'password' } });
    expect(JSON.stringify(failure)).not.toContain('hunter2');
  });

  it('answers one hidden question, and no other', async () => {
    const asking = (prompts: { prompt: string; echo: boolean }[]) => (context: AuthContext) => {
      if (context.method !== 'keyboard-interactive') context.reject(['keyboard-interactive']);
      else
        context.prompt(prompts, (answers) => {
          if (answers[0] === 'open sesame') context.accept();
          else context.reject(['keyboard-interactive']);
        });
    };
    decide = asking([{ prompt: 'Password: ', echo: false }]);
    await enter('open sesame');
    expect(await failureOfAsync(() => enter('hunter2'))).toMatchObject({ code: 'ssh/refused-login' });
    for (const prompts of [
      [{ prompt: 'Your name: ', echo: true }],
      [
        { prompt: 'Password: ', echo: false },
        { prompt: 'Code: ', echo: false },
      ],
    ]) {
      decide = asking(prompts);
      const failure = await failureOfAsync(() => enter('open sesame'));
      expect(failure.code).toBe('ssh/refused-login');
      expect(failure.message).toContain('asks for more than one password');
    }
  });
});
