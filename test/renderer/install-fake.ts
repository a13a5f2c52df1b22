/** Put into the page before the renderer: harness.ts bundles this and fills in the options. */
import { fakeBridge, type FakeControls, type FakeOptions } from './fake-bridge';

declare global {
  interface Window {
    fakeOptions: FakeOptions;
    fake: FakeControls;
  }
}

const { bridge, controls } = fakeBridge(window.fakeOptions);
Object.assign(window, { slipway: bridge, fake: controls });
