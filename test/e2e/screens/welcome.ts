import type { Locator, Page } from '@playwright/test';

export class WelcomeRoute {
  readonly newWorkspace: Locator;
  readonly open: Locator;
  readonly sample: Locator;

  constructor(private readonly page: Page) {
    this.newWorkspace = page.getByRole('main').getByRole('button', { name: /^New workspace/ });
    this.open = page.getByRole('main').getByRole('button', { name: /^Open a workspace/ });
    this.sample = page.getByRole('main').getByRole('button', { name: /^Open the sample migration/ });
  }

  /** The parent folder is what the system's dialog is to answer. */
  async create(name: string): Promise<void> {
    await this.newWorkspace.click();
    const dialog = this.page.getByRole('dialog', { name: 'New workspace' });
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByRole('button', { name: 'Choose a folder and create it' }).click();
  }

  recent(name: string): Locator {
    return this.page
      .getByRole('region', { name: 'Recent workspaces' })
      .getByRole('button', { name: new RegExp(`^${name}`) });
  }
}
