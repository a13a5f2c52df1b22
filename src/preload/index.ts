/** Gives the page exactly three functions. No logic, no Node, no raw channel: main checks name, sender and input. */
import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron';
import { CALL_CHANNEL, STATE_CHANNEL, type Bridge } from '../contract/bridge';
import type { AppState } from '../contract/state';

const bridge: Bridge = {
  call: (name, input) => ipcRenderer.invoke(CALL_CHANNEL, name, input),
  onState: (listener) => {
    const hear = (_event: IpcRendererEvent, state: AppState): void => {
      listener(state);
    };
    ipcRenderer.on(STATE_CHANNEL, hear);
    return () => {
      ipcRenderer.off(STATE_CHANNEL, hear);
    };
  },
  pathOf: (file) => webUtils.getPathForFile(file),
};

contextBridge.exposeInMainWorld('slipway', bridge);
