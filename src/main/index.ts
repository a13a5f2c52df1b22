/** Where the app starts. The order matters: everything that makes the window safe comes before the first window. */
import { rmSync } from 'node:fs';
import { app } from 'electron';
import { appFolders } from './app-folders';
import { answerCalls } from './calls';
import { confirmStopping } from './dialogs';
import { guardContents, guardSession } from './guards';
import { handlersOf } from './handlers';
import { setMenu } from './menu';
import { registerPageScheme, servePage } from './page-protocol';
import { Runbook } from './runbook';
import { Session } from './session';
import { askBeforeClosing, openWindow, showWindow } from './window';

app.enableSandbox();
registerPageScheme();
guardContents();

const session = new Session();
let ended = false;

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', showWindow);
  app.on('activate', showWindow);
  app.on('window-all-closed', () => {
    app.quit();
  });
  app.on('before-quit', (event) => {
    if (ended) return;
    // What is being written ends with its transaction, and the workspace gives its lock back; then it quits for good.
    event.preventDefault();
    void session
      .end()
      .catch(() => undefined)
      .then(() => {
        ended = true;
        app.quit();
      });
  });
  void start();
} else {
  app.quit();
}

async function start(): Promise<void> {
  try {
    await app.whenReady();
    // Nothing of it is secret, and nothing of it outlives the plan it shows.
    rmSync(appFolders.preview(), { recursive: true, force: true });
    setMenu();
    await session.secrets.look();
    guardSession();
    servePage();
    answerCalls(handlersOf(session, new Runbook(session)));
    askBeforeClosing(() => (session.isWriting ? confirmStopping : null));
    await openWindow();
  } catch (error) {
    console.error('Slipway could not start:', error);
    app.exit(1);
  }
}
