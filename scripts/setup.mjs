// Installs what is missing. Depends on nothing that it installs, and its first lines run on old
// versions of Node too, so that these get an answer instead of a syntax error.
var wanted = [20, 19];
var found = process.versions.node.split(".").map(Number);

if (found[0] < wanted[0] || (found[0] === wanted[0] && found[1] < wanted[1])) {
  console.error("setup: Node " + wanted.join(".") + " or newer is needed, this is " + process.versions.node + ". Install a newer Node and run this again.");
  process.exitCode = 2;
} else {
  import("./setup/main.mjs")
    .then(({ main }) => main(process.argv.slice(2)))
    .then((code) => {
      process.exitCode = code;
    });
}
