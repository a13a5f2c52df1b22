/** The menu: what the platform expects and nothing else. Everything of Slipway's own is in the window. */
import { Menu, type MenuItemConstructorOptions } from 'electron';

export function setMenu(): void {
  const own: MenuItemConstructorOptions = process.platform === 'darwin' ? { role: 'appMenu' } : { role: 'fileMenu' };
  const view: MenuItemConstructorOptions = {
    label: 'View',
    // No reload and no developer tools: neither helps on the evening itself.
    submenu: [
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      { type: 'separator' },
      { role: 'togglefullscreen' },
    ],
  };
  Menu.setApplicationMenu(Menu.buildFromTemplate([own, { role: 'editMenu' }, view, { role: 'windowMenu' }]));
}
