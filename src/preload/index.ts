/** Gives the page exactly one function. No logic, no Node, no raw channel: main checks name, sender and input. */
import { contextBridge, ipcRenderer } from 'electron';
import { CALL_CHANNEL, type Bridge } from '../contract/bridge';

const bridge: Bridge = { call: (name, input) => ipcRenderer.invoke(CALL_CHANNEL, name, input) };

contextBridge.exposeInMainWorld('slipway', bridge);
