/** What is around every step: rail, top bar, status line, failures, and the state behind them. */
import { expect, type Locator, type Page } from '@playwright/test';
import type { AppState, StepName } from '../../../src/contract/state';

/** Machines that build and test are shared: long work may take its time, but never for ever. */
const LONG = 120_000;

export class FrameRoute {
  readonly page: Page;
  readonly title: Locator;
  readonly status: Locator;
  readonly failure: Locator;

  constructor(page: Page) {
    this.page = page;
    this.title = page.getByRole('heading', { level: 1 });
    this.status = page.getByRole('contentinfo', { name: 'Status' });
    this.failure = page.getByRole('alert');
  }

  railStep(title: string): Locator {
    return this.page.getByRole('navigation', { name: 'Steps of the migration' }).getByRole('link', { name: title });
  }

  /** Goes to a step as a person does. */
  async go(title: string): Promise<void> {
    await this.railStep(title).click();
    await expect(this.title).toHaveText(title);
  }

  /** The step's one primary action. */
  primary(name: string | RegExp): Locator {
    return this.page.getByRole('banner').getByRole('button', { name });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('main').getByRole('button', { name });
  }

  dialog(name: string | RegExp): Locator {
    return this.page.getByRole('dialog', { name });
  }

  /** One of the secondary actions, behind the three dots. */
  async more(step: string, action: string | RegExp): Promise<void> {
    await this.page.getByRole('button', { name: `More for ${step}` }).click();
    await this.page.getByRole('menuitem', { name: action }).click();
  }

  async workspaceMenu(action: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Steps of the migration' }).getByRole('button').first().click();
    await this.page.getByRole('menuitem', { name: action }).click();
  }

  /** What main says now. */
  async state(): Promise<AppState> {
    const reply = await this.page.evaluate(() => window.slipway.call('app.state', undefined));
    if (!reply.ok) throw new Error(`${reply.failure.code}: ${reply.failure.message}`);
    return reply.value;
  }

  /** Does what starts long work, waits until that is over, and says how things stand then. */
  async working(start: () => Promise<unknown>, timeout = LONG): Promise<AppState> {
    const before = await this.state();
    const seen = await this.page.evaluateHandle(() => {
      const watch = { began: false };
      window.slipway.onState(({ job }) => (watch.began ||= job !== null));
      return watch;
    });
    await start();
    const isOver = async (): Promise<boolean> => {
      // In this order: work that begins between the two questions is not taken for over.
      const began = await seen.evaluate((watch) => watch.began);
      const state = await this.state();
      // Work that is shorter than the pause between two pushes shows only in what it left.
      return state.job === null && (began || isOther(before, state));
    };
    await expect.poll(isOver, { timeout }).toBe(true);
    await seen.dispose();
    return this.state();
  }

  async stepState(step: StepName): Promise<string> {
    return (await this.state()).steps[step].state;
  }

  /** The address of a step, opened as a link from elsewhere would be: the page is loaded anew. */
  async reloadAt(hash: string): Promise<void> {
    await this.page.evaluate((to) => {
      window.location.hash = to;
    }, hash);
    await this.page.reload();
  }
}

const LEFT_BY_WORK = [
  'source',
  'fleet',
  'checks',
  'plan',
  'rehearsal',
  'applied',
  'verified',
  'undone',
  'failures',
] as const;

function isOther(before: AppState, now: AppState): boolean {
  // Where devices go is asked again and again; what a wave left is not.
  const wave = ({ waves }: AppState): string => JSON.stringify([waves.preview?.at, waves.last?.at]);
  if (wave(now) !== wave(before)) return true;
  return LEFT_BY_WORK.some((part) => {
    const left = JSON.stringify(now[part]);
    return left !== 'null' && left !== '{}' && left !== JSON.stringify(before[part]);
  });
}
