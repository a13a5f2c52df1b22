import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { WelcomePage } from './features/welcome/welcome-page';
import './theme.css';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');

createRoot(root).render(
  <StrictMode>
    <WelcomePage />
  </StrictMode>,
);
