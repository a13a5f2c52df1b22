/** The system's dialogs, always over the window that asks. Null everywhere: the operator cancelled. */
import {
  BrowserWindow,
  dialog,
  type MessageBoxOptions,
  type OpenDialogOptions,
  type SaveDialogOptions,
} from 'electron';
import type { CallInput } from '../contract/calls';

type Purpose =
  CallInput<'file.choose'>['purpose'] | 'secret' | 'profile' | 'runbook' | 'accounts' | 'device-list' | 'package';

const PURPOSES: Readonly<Record<Purpose, OpenDialogOptions>> = {
  source: {
    title: 'Choose the source',
    filters: [{ name: 'MicroMDM database or a table', extensions: ['db', 'csv', 'json'] }, anything()],
  },
  table: { title: 'Choose the table', filters: [{ name: 'Table', extensions: ['csv', 'tsv', 'json'] }, anything()] },
  'source-folder': { title: 'Choose NanoMDM’s folder' },
  'scep-depot': { title: 'Choose the SCEP server’s depot' },
  certificate: {
    title: 'Choose the certificate',
    filters: [{ name: 'Certificate', extensions: ['pem', 'crt', 'cer', 'der'] }, anything()],
  },
  'private-key': {
    title: 'Choose its private key',
    filters: [{ name: 'Key', extensions: ['key', 'pem'] }, anything()],
  },
  'enrollment-profile': {
    title: 'Choose the enrollment profile',
    filters: [{ name: 'Profile', extensions: ['mobileconfig', 'plist', 'xml'] }, anything()],
  },
  'ssh-key': { title: 'Choose the private key to log in with', filters: [anything()] },
  ca: {
    title: 'Choose the CA’s certificate',
    filters: [{ name: 'PEM', extensions: ['pem', 'crt', 'cer'] }, anything()],
  },
  'team-map': { title: 'Choose the team map', filters: [{ name: 'CSV', extensions: ['csv'] }, anything()] },
  secret: { title: 'Choose the file that holds the secret', filters: [anything()] },
  'device-list': {
    title: 'Choose the list of devices',
    filters: [{ name: 'Text', extensions: ['txt', 'csv'] }, anything()],
  },
  package: {
    title: 'Choose the agent’s package',
    filters: [{ name: 'Installer package', extensions: ['pkg'] }, anything()],
  },
  accounts: {
    title: 'Choose the list of devices that stay behind',
    filters: [{ name: 'CSV', extensions: ['csv'] }, anything()],
  },
  runbook: { title: 'Choose the runbook of another workspace', filters: [{ name: 'Runbook', extensions: ['json'] }] },
  profile: {
    title: 'Choose an enrollment profile of a device',
    filters: [{ name: 'Profile', extensions: ['mobileconfig', 'plist', 'xml'] }, anything()],
  },
  journal: { title: 'Choose a journal', filters: [{ name: 'Journal', extensions: ['jsonl'] }, anything()] },
};

function anything(): { name: string; extensions: string[] } {
  return { name: 'All files', extensions: ['*'] };
}

export function chooseFile(purpose: Purpose): Promise<string | null> {
  return open({ ...PURPOSES[purpose], properties: ['openFile'] });
}

/** Key and certificate files, several at a time; empty when cancelled. */
export function chooseMaterial(title = 'Choose keys and certificates'): Promise<string[]> {
  const extensions = [
    'pem',
    'crt',
    'cer',
    'der',
    'key',
    'p12',
    'pfx',
    'p7b',
    'p7c',
    'p7m',
    'csr',
    'mobileconfig',
    'db',
  ];
  return openSeveral({ title, filters: [{ name: 'Keys and certificates', extensions }, anything()] });
}

/** Enrollment profiles, several at a time; empty when cancelled. */
export function chooseProfiles(title: string): Promise<string[]> {
  const extensions = ['mobileconfig', 'plist', 'xml', 'txt', 'env', 'b64'];
  return openSeveral({ title, filters: [{ name: 'Profiles', extensions }, anything()] });
}

export function chooseFolder(title: string): Promise<string | null> {
  return open({ title, properties: ['openDirectory', 'createDirectory'] });
}

export async function chooseTarget(options: SaveDialogOptions): Promise<string | null> {
  const parent = BrowserWindow.getAllWindows()[0];
  const { canceled, filePath } =
    parent === undefined ? await dialog.showSaveDialog(options) : await dialog.showSaveDialog(parent, options);
  return canceled || filePath === '' ? null : filePath;
}

/** Asks whether to stop writing and close. */
export async function confirmStopping(): Promise<boolean> {
  const parent = BrowserWindow.getAllWindows()[0];
  const options: MessageBoxOptions = {
    type: 'question',
    title: 'Slipway',
    message: 'Slipway is writing to Fleet.',
    detail: 'If you stop, the transaction under way is finished first. The same plan goes on later where it stopped.',
    buttons: ['Keep writing', 'Stop and close'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  };
  const { response } =
    parent === undefined ? await dialog.showMessageBox(options) : await dialog.showMessageBox(parent, options);
  return response === 1;
}

async function openSeveral(options: OpenDialogOptions): Promise<string[]> {
  const parent = BrowserWindow.getAllWindows()[0];
  const several: OpenDialogOptions = { ...options, properties: ['openFile', 'multiSelections'] };
  const { canceled, filePaths } =
    parent === undefined ? await dialog.showOpenDialog(several) : await dialog.showOpenDialog(parent, several);
  return canceled ? [] : filePaths;
}

async function open(options: OpenDialogOptions): Promise<string | null> {
  const parent = BrowserWindow.getAllWindows()[0];
  const { canceled, filePaths } =
    parent === undefined ? await dialog.showOpenDialog(options) : await dialog.showOpenDialog(parent, options);
  return canceled ? null : (filePaths[0] ?? null);
}
