import { expect, type Locator } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { FrameRoute } from './frame';

export class ChecksRoute {
  readonly verdict: Locator;

  constructor(private readonly frame: FrameRoute) {
    this.verdict = frame.page.getByRole('main').getByRole('status').filter({ hasText: 'apply up' });
  }

  async run(): Promise<AppState> {
    await this.frame.go('Checks');
    return this.frame.working(() => this.frame.primary(/^Run/).click());
  }

  /** Answers one check by name, as its dialog asks. */
  async answer(title: string, by: string, note: string): Promise<void> {
    const name = new RegExp(`^(Confirm|Acknowledge) ${escaped(title)}$`);
    await this.frame.button(name).click();
    const dialog = this.frame.dialog(new RegExp(`^(Confirm|Acknowledge): ${escaped(title)}$`));
    await dialog.getByLabel('Who says so').fill(by);
    await dialog.getByLabel('Note').fill(note);
    await dialog.getByRole('button', { name: /^(Confirm|Acknowledge) it$/ }).click();
    await expect(dialog).toBeHidden();
  }

  /** Answers everything that holds apply up and may be answered. */
  async answerBlocking(by: string, note: string): Promise<string[]> {
    const titles: string[] = [];
    for (;;) {
      const { checks } = await this.frame.state();
      const next = checks?.results.find(({ blocking, title }) => blocking && !titles.includes(title));
      if (next === undefined) return titles;
      titles.push(next.title);
      await this.answer(next.title, by, note);
    }
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
