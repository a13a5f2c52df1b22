/** Mantine under Slipway's tokens: small controls, no motion beyond 120 ms, styles with the load's nonce. */
import { createTheme, MantineProvider, Menu, ModalRoot, Popover, Select, Tooltip } from '@mantine/core';

const theme = createTheme({
  primaryColor: 'blue',
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 400, transitionProps: { duration: 0 }, multiline: true } }),
    Menu: Menu.extend({ defaultProps: { transitionProps: { duration: 0 }, position: 'bottom-end', offset: 4 } }),
    Popover: Popover.extend({
      defaultProps: { transitionProps: { duration: 0 }, position: 'bottom-start', offset: 4 },
    }),
    Select: Select.extend({
      defaultProps: { allowDeselect: false, comboboxProps: { transitionProps: { duration: 0 }, offset: 4 } },
    }),
    ModalRoot: ModalRoot.extend({
      // The window's body never scrolls, so there is nothing to lock; Esc belongs to hooks/use-escape.
      defaultProps: { lockScroll: false, closeOnEscape: false, transitionProps: { duration: 0 }, yOffset: '12vh' },
    }),
  },
});

/** The nonce of this load, as the main process wrote it into the page; without it Mantine's own CSS files are enough. */
function styleNonce(): string {
  const metas = document.querySelectorAll<HTMLMetaElement>('meta[name="style-nonce"]');
  for (const { content } of metas) if (content !== '') return content;
  return '';
}

export function ThemeProvider({ children }: { readonly children: React.ReactNode }): React.JSX.Element {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={styleNonce} withGlobalClasses={false}>
      {children}
    </MantineProvider>
  );
}
