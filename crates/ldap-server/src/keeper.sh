# Ends a process ($1) and removes its folder ($0) when the pipe that this script reads is closed, which happens however the
# owner of its other end goes, by SIGKILL too. Kills nothing when it is told that the process has ended.
trap '' HUP INT TERM QUIT
read -r word
if [ "$word" != ended ]; then
  kill -s KILL "$1"
  sleep 1
fi
rm -rf "$0"
