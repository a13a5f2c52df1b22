import { expect, type Locator, type Page } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { FrameRoute } from './frame';

export class ApplyRoute {
  readonly written: Locator;
  readonly stopped: Locator;
  readonly readBack: Locator;
  readonly takenBack: Locator;
  private readonly page: Page;

  constructor(private readonly frame: FrameRoute) {
    this.page = frame.page;
    this.written = this.page.getByRole('heading', { name: 'Written', exact: true });
    this.stopped = this.page.getByRole('heading', { name: 'Stopped between two batches' });
    this.readBack = this.page.getByRole('heading', { name: 'Read back', exact: true });
    this.takenBack = this.page.getByRole('heading', { name: 'Taken back', exact: true });
  }

  async rehearse(): Promise<AppState> {
    await this.frame.go('Apply');
    await this.page
      .getByRole('button', { name: /^Rehearse( again)?…$/ })
      .first()
      .click();
    const act = this.frame.dialog(/^Rehearse on /).getByRole('button', { name: /^Rehearse / });
    return this.frame.working(() => act.click());
  }

  /** Opens the confirmation, types, and starts; the writing itself goes on afterwards. */
  async startWriting(database: string): Promise<void> {
    await this.frame.go('Apply');
    await this.page
      .getByRole('button', { name: /^(Write .*|Go on writing)…$/ })
      .first()
      .click();
    await this.confirm(/^Write to /, /^Write /, database);
  }

  async write(database: string): Promise<AppState> {
    return this.frame.working(() => this.startWriting(database));
  }

  async rehearseUndo(): Promise<AppState> {
    await this.frame.button('Rehearse taking it back').click();
    const act = this.frame.dialog('Rehearse taking back').getByRole('button', { name: 'Rehearse it' });
    return this.frame.working(() => act.click());
  }

  async undo(database: string): Promise<AppState> {
    await this.frame.button('Take it back').click();
    return this.frame.working(() => this.confirm(/^Take back from /, 'Take it back', database));
  }

  /** The button must not work before the whole name stands there. */
  private async confirm(title: RegExp, act: RegExp | string, name: string): Promise<void> {
    const dialog = this.frame.dialog(title);
    const button = dialog.getByRole('button', { name: act });
    const field = dialog.getByLabel(`Type ${name} to confirm`);
    await field.fill(name.slice(0, -1));
    await expect(button).toHaveAttribute('aria-disabled', 'true');
    await field.fill(name);
    await button.click();
    await expect(dialog).toBeHidden();
  }
}
