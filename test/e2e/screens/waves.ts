import { expect, type Locator, type Page } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { Haproxy } from '../../servers/haproxy';
import type { FrameRoute } from './frame';

export class WavesRoute {
  readonly picture: Locator;
  readonly rungs: Locator;
  private readonly page: Page;

  constructor(private readonly frame: FrameRoute) {
    this.page = frame.page;
    this.picture = this.page.getByRole('region', { name: 'Where requests go now' });
    this.rungs = this.page.getByRole('list', { name: 'Waves', exact: true });
  }

  rung(name: string): Locator {
    return this.rungs.getByRole('listitem').filter({ has: this.page.getByRole('heading', { name, exact: false }) });
  }

  async view(name: 'Where devices go' | 'Ladder' | 'HAProxy'): Promise<void> {
    await this.page.getByRole('tab', { name }).click();
    await this.page.getByRole('tabpanel', { name }).waitFor();
  }

  /** Opens the form of a ladder and fills in these HAProxy instances. */
  async newLadder(proxies: readonly Pick<Haproxy, 'path' | 'socket'>[]): Promise<Locator> {
    await this.frame.button('Make a ladder').click();
    const form = this.page.getByRole('tabpanel', { name: 'Ladder' });
    for (const [index, proxy] of proxies.entries()) {
      if (index > 0) await form.getByRole('button', { name: 'Add an instance' }).click();
      await form.getByLabel('Map file', { exact: true }).nth(index).fill(proxy.path('map'));
      await form.getByLabel('Socket').nth(index).fill(proxy.socket);
    }
    return form;
  }

  /** Looks at the wave whose turn it is. */
  async next(name: string): Promise<AppState> {
    return this.frame.working(() => this.frame.primary(`Next wave: ${name}`).click());
  }

  async move(name: string): Promise<AppState> {
    await this.frame.primary(/^(Move .*|Take it to its end)…$/).click();
    const dialog = this.frame.dialog(`Move «${name}»`);
    const act = dialog.getByRole('button', { name: /^Move / });
    await expect(act).toHaveAttribute('aria-disabled', 'true');
    await dialog.getByLabel(`Type ${name} to confirm`).fill(name);
    return this.frame.working(() => act.click());
  }

  /** Opens the card of what going back would not undo. */
  async openBack(name: string): Promise<Locator> {
    await this.rung(name).getByRole('button', { name: 'Go back…' }).click();
    const dialog = this.frame.dialog(`Go back with «${name}»`);
    await dialog.getByRole('region', { name: 'What going back does not undo' }).waitFor();
    return dialog;
  }
}
