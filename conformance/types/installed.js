// Does what a user in TypeScript does: installs the packed declarations beside @types/k6 in a project of its own, and compiles an import.
import { deepEqual, equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const declarations = fileURLToPath(new URL('../../xk6-sparkmotion', import.meta.url));
const installed = fileURLToPath(new URL('../node_modules', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'types-'));

try {
  const [{ filename, files }] = JSON.parse(npm(declarations, 'pack', '--json', '--pack-destination', project));
  deepEqual(files.map(({ path }) => path).sort(), ['LICENSE', 'index.d.ts', 'package.json']);

  writeFileSync(join(project, 'package.json'), '{"private":true}');
  npm(project, 'install', '--offline', '--no-audit', '--no-fund', `./${filename}`, join(installed, '@types/k6'));
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { strict: true, noEmit: true, module: 'esnext', moduleResolution: 'bundler', types: ['k6', 'xk6-sparkmotion'] },
  }));
  equal(compile("tap({ band: 'LOADTEST-E1-000001' });"), '');
  match(compile("tap({ bands: 'LOADTEST-E1-000001' });"), /^script\.ts\(4,7\): error .*'bands' does not exist in type 'TapOptions'/s);
} finally {
  rmSync(project, { recursive: true });
}

function npm(cwd, ...args) {
  const { PATH, HOME } = process.env; // not what the npm that runs this script says of its own project
  return execFileSync('npm', args, { cwd, env: { PATH, HOME }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** compile returns what tsc says of a script that k6 would run. */
function compile(line) {
  writeFileSync(join(project, 'script.ts'), `import { check } from 'k6';
import { tap } from 'k6/x/sparkmotion';
check(tap(), { redirected: (yes) => yes });
${line}
`);
  try {
    return execFileSync(process.execPath, [join(installed, 'typescript/bin/tsc'), '-p', project], { cwd: project, encoding: 'utf8' });
  } catch ({ stdout }) {
    return stdout;
  }
}
