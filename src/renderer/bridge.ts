/** The window's only way out: calls to the main process. Tests put a stand-in of the same shape on `window.slipway`. */
import type { Bridge } from '../contract/bridge';

export const call: Bridge['call'] = (name, input) => window.slipway.call(name, input);
export const onState: Bridge['onState'] = (listener) => window.slipway.onState(listener);
export const pathOf: Bridge['pathOf'] = (file) => window.slipway.pathOf(file);
