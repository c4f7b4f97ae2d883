// Installs what is missing. Depends on nothing that it installs, and its first lines run on old
// versions of Node too, so that these get an answer instead of a syntax error.
var found = process.versions.node.split(".").map(Number);
var major = found[0] || 0;
var minor = found[1] || 0;

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    "setup: Node 20.19 or newer is needed, this is " + process.versions.node + ". Install it and try again.",
  );
  process.exitCode = 2;
} else {
  void import("./setup/main.mjs")
    .then(({ main }) => main(process.argv.slice(2)))
    .then((code) => {
      process.exitCode = code;
    });
}
