// `npm install` at the root means `npm run setup`; pnpm, which setup itself starts, must not start it again.
import { setup } from './setup.mjs';

if (process.env.npm_config_user_agent?.startsWith('npm/')) await setup();
