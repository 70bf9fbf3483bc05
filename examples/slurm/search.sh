#!/bin/bash
# A search on SLURM: one Ray over all nodes of the job, one driver on its first node.
#
#   sbatch examples/slurm/search.sh examples/xtreme-r.toml /shared/runs
#
# Two nodes with four GPUs each, one trial per GPU: #SBATCH --nodes=2, --gpus-per-node=4,
# --cpus-per-task=32 below, and in the plan [resources] gpus_per_worker = 1, cpus_per_worker = 8,
# concurrent_trials = 8. One trial over all eight: workers_per_trial = 8, concurrent_trials = 1.
#
# Shortly before the wall time SLURM signals this script, which asks the driver to checkpoint and
# stop. The driver then exits 75, and the job requeues itself until the study has its budget. The
# root and the environment must lie on a disk that every node sees; fetch what the plan needs of the
# hub on a login node first (`transfer-search fetch PLAN --root ROOT`).
#
#SBATCH --job-name=transfer-search
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --gpus-per-node=4
#SBATCH --time=08:00:00
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
set -u
plan=$1
root=$2
port=${RAY_PORT:-6379}
nodes=${SLURM_JOB_NUM_NODES:-1}
# B: in --signal means this script alone. Without it, or with `scancel --signal` on the steps, USR1
# would reach every process of the job, and Ray's own die of it.

# Anyone who reaches Ray's ports may run code as you, unless Ray asks for a token.
export RAY_AUTH_MODE=token
ray get-auth-token --generate > /dev/null 2>&1
chmod 600 "${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}"
# How long nodes may take to come up, in seconds.
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(getent ahostsv4 "$head" | awk 'NR == 1 { print $1 }'):$port

# The driver runs on this node, below srun and Ray: it leaves its process id and its exit code here,
# because srun's own may be that of another node.
notes=$(mktemp -d)
export plan root address notes
drive() {
  transfer-search start "$plan" --root "$root" --address "$address" &
  echo $! > "$notes/pid.new" && mv "$notes/pid.new" "$notes/pid"
  wait $!
  echo $? > "$notes/code"
}
export -f drive

stop() {
  echo "$(date +%T) asked to stop: the driver checkpoints"
  stopping=1
  if [ -f "$notes/pid" ]; then kill -USR1 "$(cat "$notes/pid")"; else kill "$step"; fi
}
stopping=0
trap stop USR1 TERM

# RAY_START_OPTIONS: more of `ray start`, such as --num-gpus=4 where Ray does not see them.
srun --kill-on-bad-exit=0 ray symmetric-run --address "$address" --min-nodes "$nodes" \
  --disable-usage-stats ${RAY_START_OPTIONS:-} -- bash -c drive &
step=$!
# A signal ends `wait`, not the step.
while kill -0 "$step" 2> /dev/null; do wait "$step"; done

code=$(cat "$notes/code" 2> /dev/null || echo none)
rm -rf "$notes"
# A driver that was signalled before it listened (138 USR1, 143 TERM) has nothing to lose.
case "$stopping$code" in 1none | 1138 | 1143) code=75 ;; esac
[ "$code" = none ] && code=1
if [ "$code" = 75 ]; then
  echo "$(date +%T) stopped and safe: requeued"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
