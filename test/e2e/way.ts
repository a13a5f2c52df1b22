/** The way to a plan that may be written, walked as an operator walks it: for specs that begin after it. */
import type { AppState } from '../../src/contract/state';
import type { WaveBench } from '../core/cutover/wave-bench';
import type { TestDatabase } from '../servers/mysql';
import { expect, type RunningApp } from './fixture';
import type { Connection } from './screens/fleet';

export function connectionTo({ name, server }: TestDatabase): Connection {
  const { host, port, user, password } = server;
  return { host, port, database: name, user, password };
}

/** A new workspace in `parent` with this source read. */
export async function opened(app: RunningApp, parent: string, source: string, name = 'Harbour Ltd'): Promise<AppState> {
  const { frame, welcome, source: screen } = app.screens;
  await app.answerDialogs(parent, source);
  await welcome.create(name);
  await expect(frame.title).toHaveText('Source');
  return screen.read();
}

/** Connected as staging. */
export async function connected(app: RunningApp, connection: Connection): Promise<AppState> {
  const { frame, fleet } = app.screens;
  await frame.go('Fleet');
  await fleet.badge('Staging');
  await fleet.fill(connection);
  return fleet.connect();
}

/** Checked, answered and planned with every caution accepted. */
export async function planned(app: RunningApp): Promise<AppState> {
  const { checks, plan } = app.screens;
  await checks.run();
  await checks.answerBlocking('Ann Operator', 'Agreed on the phone at 21:40');
  const first = await plan.make();
  if (first.plan?.counts.held === 0) return first;
  await plan.acceptCautions('Agreed with the customer on 20 November');
  return plan.make();
}

interface WaveAnswers {
  readonly badge?: 'production';
  readonly reason: string;
  readonly backup: { readonly by: string; readonly note: string };
}

/** What waves need besides a ladder, by the window's own table: the addresses, the tokens, the accepted and the answered. */
export async function readyForWaves({ page }: RunningApp, bench: WaveBench, answers: WaveAnswers): Promise<void> {
  await page.evaluate(
    async ([url, token, apiKey, oldUrl, { badge, reason, backup }]) => {
      const call = window.slipway.call;
      const state = await call('app.state', undefined);
      if (!state.ok || state.value.workspace === null) throw new Error('no state');
      const { fleet, cutover } = state.value.workspace.settings;
      await call('workspace.save', {
        ...(badge === undefined ? {} : { badge }),
        fleet: { ...fleet, url },
        cutover: { ...cutover, oldUrl, host: 'mdm.example.test' },
        accepted: ['no-agent', 'target-identity-unproven'],
        reason,
        answers: { backup },
      });
      await call('secret.set', { kind: 'fleet-token', value: token, remember: false });
      await call('secret.set', { kind: 'source-api-key', value: apiKey, remember: false });
    },
    [
      `http://127.0.0.1:${bench.fleet.port}`,
      bench.fleet.token,
      bench.old.apiKey,
      `http://127.0.0.1:${bench.old.port}`,
      answers,
    ] as const,
  );
}

export async function rowCount(database: TestDatabase, table = 'nano_devices'): Promise<number> {
  const [row] = await database.query<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`);
  return Number(row?.n);
}
