import type { Locator } from '@playwright/test';
import type { AppState } from '../../../src/contract/state';
import type { FrameRoute } from './frame';

export class SourceRoute {
  readonly choose: Locator;
  readonly readAgain: Locator;
  readonly ends: Locator;

  constructor(private readonly frame: FrameRoute) {
    this.choose = frame.primary('Choose a file');
    this.readAgain = frame.primary('Read again');
    this.ends = frame.page.getByRole('heading', { name: 'When device certificates end' });
  }

  /** Reads the file that the system's dialog is to answer with. */
  async read(): Promise<AppState> {
    await this.frame.go('Source');
    return this.frame.working(() => this.choose.click());
  }

  async readAnother(): Promise<AppState> {
    await this.frame.go('Source');
    return this.frame.working(() => this.frame.more('Source', 'Read another file'));
  }
}
