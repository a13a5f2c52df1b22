import type { Locator, Page } from '@playwright/test';
import type { FrameRoute } from './frame';

export class DevicesRoute {
  readonly search: Locator;
  readonly grid: Locator;
  readonly rows: Locator;
  readonly scroller: Locator;
  private readonly page: Page;

  constructor(private readonly frame: FrameRoute) {
    this.page = frame.page;
    this.search = this.page.getByRole('searchbox', { name: /^Search name/ });
    this.grid = this.page.getByRole('grid', { name: 'Devices' });
    this.rows = this.grid.locator('[role=row][aria-rowindex]:not([aria-rowindex="1"])');
    this.scroller = this.grid.locator('.grid-scroll');
  }

  async open(): Promise<void> {
    await this.frame.go('Devices');
    await this.rows.first().waitFor();
  }

  /** Opens a device's drawer by its name; elsewhere in a row a click may copy what it hits. */
  async openDevice(name: string): Promise<Locator> {
    await this.rows.getByRole('gridcell', { name, exact: true }).first().click();
    const drawer = this.page.getByRole('complementary', { name });
    await drawer.getByRole('heading', { name: 'Facts' }).waitFor();
    return drawer;
  }
}
