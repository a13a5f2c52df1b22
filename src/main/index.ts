/** Where the app starts. The order matters: everything that makes the window safe comes before the first window. */
import { app } from 'electron';
import { answerCalls } from './calls';
import { handlers } from './handlers';
import { guardContents, guardSession } from './guards';
import { registerPageScheme, servePage } from './page-protocol';
import { openWindow, showWindow } from './window';

app.enableSandbox();
registerPageScheme();
guardContents();

if (app.requestSingleInstanceLock()) {
  app.on('second-instance', showWindow);
  app.on('activate', showWindow);
  app.on('window-all-closed', () => {
    app.quit();
  });
  void start();
} else {
  app.quit();
}

async function start(): Promise<void> {
  try {
    await app.whenReady();
    guardSession();
    servePage();
    answerCalls(handlers);
    await openWindow();
  } catch (error) {
    console.error('Slipway could not start:', error);
    app.exit(1);
  }
}
