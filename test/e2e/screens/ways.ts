/** The ways in on the Source screen: which server, where its data lies, and what is needed to read it there. */
import type { Locator, Page } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { FrameRoute } from './frame';

export class WaysRoute {
  private readonly page: Page;

  constructor(private readonly frame: FrameRoute) {
    this.page = frame.page;
  }

  async choose(server: 'MicroMDM' | 'NanoMDM' | 'Another MDM', place?: string): Promise<void> {
    await this.page.getByRole('radio', { name: server, exact: true }).check();
    if (place !== undefined) await this.page.getByRole('radio', { name: place, exact: true }).check();
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  /** Types a secret and hands it over. */
  async secret(label: string, value: string): Promise<void> {
    const field = this.page.getByRole('textbox', { name: label, exact: true });
    await field.fill(value);
    await field.press('Enter');
    await this.page.getByRole('group', { name: label, exact: true }).waitFor();
  }

  read(): Promise<AppState> {
    return this.frame.working(() => this.frame.button(/^Read (from )?(this|the) /).click());
  }
}
