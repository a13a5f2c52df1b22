/** A page of our own as PDF: laid out in a window that is never shown, without scripts, and closed at once. */
import { BrowserWindow } from 'electron';
import { offerPrint } from './page-protocol';

export async function pdfOf(html: string): Promise<Uint8Array> {
  const offer = offerPrint(html);
  const window = new BrowserWindow({
    show: false,
    webPreferences: {
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      // Nothing in a report needs one, whatever a device may be called.
      javascript: false,
    },
  });
  try {
    await window.loadURL(offer.url);
    return await window.webContents.printToPDF({
      pageSize: 'A4',
      printBackground: true,
      margins: { top: 0.5, bottom: 0.5, left: 0.5, right: 0.5 },
    });
  } finally {
    offer.withdraw();
    window.destroy();
  }
}
