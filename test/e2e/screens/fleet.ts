import { expect, type Locator, type Page } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { FrameRoute } from './frame';

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Empty: none is typed. */
  readonly password: string;
}

export class FleetRoute {
  private readonly primary: Locator;
  readonly host: Locator;
  readonly port: Locator;
  readonly database: Locator;
  readonly user: Locator;
  readonly password: Locator;
  readonly held: Locator;
  private readonly page: Page;

  constructor(private readonly frame: FrameRoute) {
    this.page = frame.page;
    this.primary = frame.primary(/^(Connect|Look again)$/);
    this.host = this.page.getByLabel('Host', { exact: true });
    this.port = this.page.getByLabel('Port', { exact: true });
    this.database = this.page.getByLabel('Database', { exact: true });
    this.user = this.page.getByLabel('Account', { exact: true });
    this.password = this.page.getByRole('textbox', { name: 'Password', exact: true });
    this.held = this.page.getByRole('group', { name: 'Password', exact: true });
  }

  async badge(name: 'Staging' | 'Production'): Promise<void> {
    const choice = this.page.getByRole('group', { name: 'The target is' }).getByRole('radio', { name });
    // Main keeps it: the mark follows when it has answered.
    await choice.click();
    await expect(choice).toBeChecked();
  }

  async connect(): Promise<AppState> {
    return this.frame.working(() => this.primary.click());
  }

  /** Fills the form in. Unencrypted: the server is on this machine. */
  async fill({ host, port, database, user, password }: Connection): Promise<void> {
    await this.host.fill(host);
    await this.port.fill(String(port));
    await this.database.fill(database);
    await this.user.fill(user);
    await this.page.getByRole('radio', { name: 'Do not encrypt' }).check();
    if (password !== '') await this.type(password);
  }

  async type(password: string): Promise<void> {
    const replace = this.held.getByRole('button', { name: 'Replace' });
    if (await replace.isVisible()) await replace.click();
    await this.password.fill(password);
    await this.password.press('Enter');
    await this.held.waitFor();
  }
}
