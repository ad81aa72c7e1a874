# Ends a process and removes its folder ($0) when the pipe that this script reads is closed, which
# happens however the owner of its other end goes, by SIGKILL too.
trap '' HUP INT TERM QUIT
process=
while read -r word value; do
  case $word in
    started) process=$value ;;
    ended) process= ;;
    signal) [ -z "$process" ] || kill -s "$value" "$process" ;;
  esac
done

# What has ended but was not waited for does not count.
runs() {
  kill -s 0 "$process" && ! grep -q '^State:[[:space:]]*Z' "/proc/$process/status"
}

if [ -n "$process" ]; then
  kill -s QUIT "$process"
  looks=0
  while runs && [ "$looks" -lt 1000 ]; do
    looks=$((looks + 1))
    sleep 0.01
  done
  [ "$looks" -lt 1000 ] || kill -s KILL "$process"
fi
# A process that lost its parent may write a last file.
rm -rf "$0" || { sleep 1; rm -rf "$0"; }
