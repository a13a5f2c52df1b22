import { expect, type Locator, type Page } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { FrameRoute } from './frame';

export class PlanRoute {
  readonly sql: Locator;
  readonly search: Locator;
  readonly counts: Locator;
  private readonly page: Page;

  constructor(private readonly frame: FrameRoute) {
    this.page = frame.page;
    this.sql = this.page.getByRole('tabpanel', { name: 'sql' });
    this.search = this.page.getByRole('searchbox', { name: 'Search the statements' });
    this.counts = this.page.getByRole('group', { name: /^What the plan does/ });
  }

  async make(): Promise<AppState> {
    await this.frame.go('Plan');
    return this.frame.working(() => this.frame.primary(/^(Make the plan|Make it anew)$/).click());
  }

  async view(name: 'Devices' | 'Cautions and steps' | 'SQL'): Promise<void> {
    await this.page
      .getByRole('tablist', { name: 'Views of the plan' })
      .getByRole('tab', { name: new RegExp(name) })
      .click();
  }

  /** Accepts every caution that holds a device, with a reason. */
  async acceptCautions(reason: string): Promise<void> {
    await this.view('Cautions and steps');
    const why = this.page.getByLabel('Why they are accepted');
    await why.fill(reason);
    await why.press('Tab');
    for (const box of await this.page
      .getByRole('tabpanel')
      .getByRole('checkbox', { name: /^Accept / })
      .all()) {
      // What a check was acknowledged for may be a device's caution too, and is accepted with it.
      if (!(await box.isChecked())) await box.click();
      await expect(box).toBeChecked();
    }
  }
}
